package inbox

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// onAModel are the tests that need nothing of NATS, by their files.
var onAModel = map[string]map[string]func(t *testing.T){
	"message_test.go": {
		"TestSendReachesEveryInstanceButTheSending": TestSendReachesEveryInstanceButTheSending,
		"TestRepetitionIsStoredOnce":                TestRepetitionIsStoredOnce,
		"TestOfflineReceiverGetsABoundedBatchOnce":  TestOfflineReceiverGetsABoundedBatchOnce,
		"TestReconnectBringsWhatWasMissedInOrder":   TestReconnectBringsWhatWasMissedInOrder,
		"TestClosedSessionGetsNothing":              TestClosedSessionGetsNothing,
		"TestReadMarks":                             TestReadMarks,
		"TestHistoryPages":                          TestHistoryPages,
		"TestRevoke":                                TestRevoke,
		"TestDeleteIsOneSided":                      TestDeleteIsOneSided,
		"TestConversationSettings":                  TestConversationSettings,
		"TestLimits":                                TestLimits,
		"TestRepetitionIsNotTooFrequent":            TestRepetitionIsNotTooFrequent,
		"TestBlacklist":                             TestBlacklist,
		"TestProfile":                               TestProfile,
		"TestStatus":                                TestStatus,
		"TestOnlineOnlyIsNeverStored":               TestOnlineOnlyIsNeverStored,
		"TestServerAPISend":                         TestServerAPISend,
		"TestRetention":                             TestRetention,
		"TestMethods":                               TestMethods,
	},
	"read_test.go": {
		"TestReadUpToWhatWasSeen":        TestReadUpToWhatWasSeen,
		"TestReadWithAForeignCursor":     TestReadWithAForeignCursor,
		"TestReadOfLongAgo":              TestReadOfLongAgo,
		"TestReadAllInParts":             TestReadAllInParts,
		"TestReadAllOfManyConversations": TestReadAllOfManyConversations,
	},
	"receipts_test.go": {
		"TestReceipts":             TestReceipts,
		"TestWhoGivesReceipts":     TestWhoGivesReceipts,
		"TestReceiptBesideOthers":  TestReceiptBesideOthers,
		"TestReceiptOfALostAnswer": TestReceiptOfALostAnswer,
	},
	"reactions_test.go": {
		"TestReactions":           TestReactions,
		"TestReactionsAtOneTime":  TestReactionsAtOneTime,
		"TestWhoReacts":           TestWhoReacts,
		"TestReactionsAreCharged": TestReactionsAreCharged,
	},
	"sync_test.go": {
		"TestStall":                      TestStall,
		"TestStallKeepsSettings":         TestStallKeepsSettings,
		"TestUntoldSettings":             TestUntoldSettings,
		"TestHangUpBeforeItsTurnToTell":  TestHangUpBeforeItsTurnToTell,
		"TestSettingsThatCouldNotBeTold": TestSettingsThatCouldNotBeTold,
		"TestStoresSetBack":              TestStoresSetBack,
		"TestResendLongAfter":            TestResendLongAfter,
		"TestOnlineOnlyDuringASync":      TestOnlineOnlyDuringASync,
	},
	"peers_test.go": {
		"TestManyPeers":                   TestManyPeers,
		"TestStrangersDoNotLockOut":       TestStrangersDoNotLockOut,
		"TestFirstWriters":                TestFirstWriters,
		"TestManyBeginAtOnce":             TestManyBeginAtOnce,
		"TestAMessageBesideGivingWay":     TestAMessageBesideGivingWay,
		"TestMoreThanOneReadGives":        TestMoreThanOneReadGives,
		"TestAResumeBringsWhatHasChanged": TestAResumeBringsWhatHasChanged,
		"TestSettingsFromTwoGateways":     TestSettingsFromTwoGateways,
		"TestDocsAreBounded":              TestDocsAreBounded,
		"TestReadsThatAreOvertaken":       TestReadsThatAreOvertaken,
		"TestForget":                      TestForget,
	},
	"idle_test.go": {
		"TestWhoComesBackFindsTheirDocuments": TestWhoComesBackFindsTheirDocuments,
		"TestHalfLoadedUsersComeBack":         TestHalfLoadedUsersComeBack,
		"TestComingAndGoing":                  TestComingAndGoing,
		"TestIdleUsersGo":                     TestIdleUsersGo,
		"TestIdleUsersAreBounded":             TestIdleUsersAreBounded,
	},
	"hopping_test.go": {
		"TestHopToATime":     TestHopToATime,
		"TestHopToASequence": TestHopToASequence,
		"TestHopFar":         TestHopFar,
	},
	"search_test.go": {
		"TestSearchInEverything":        TestSearchInEverything,
		"TestSearchInAConversation":     TestSearchInAConversation,
		"TestSearchAsTheHistoryShows":   TestSearchAsTheHistoryShows,
		"TestSearchByPeopleTypesTimes":  TestSearchByPeopleTypesTimes,
		"TestSearchStopsAndGoesOn":      TestSearchStopsAndGoesOn,
		"TestSearchForUsers":            TestSearchForUsers,
		"TestSearchLeavesSomething":     TestSearchLeavesSomething,
		"TestSearchRefusesBadArguments": TestSearchRefusesBadArguments,
	},
	"edits_test.go": {
		"TestEdits":                 TestEdits,
		"TestWhoMayEdit":            TestWhoMayEdit,
		"TestMissedEdits":           TestMissedEdits,
		"TestEditOfADeletedMessage": TestEditOfADeletedMessage,
		"TestManyMissedEdits":       TestManyMissedEdits,
		"TestEditsFromTwo":          TestEditsFromTwo,
		"TestOvertakenEdits":        TestOvertakenEdits,
		"TestEditOfTheLast":         TestEditOfTheLast,
	},
	"grouphooks_test.go": {
		"TestHooksInAGroup":               TestHooksInAGroup,
		"TestHooksAndRepetitionsInAGroup": TestHooksAndRepetitionsInAGroup,
		"TestHooksAndRevocations":         TestHooksAndRevocations,
		"TestRemovedWhileAsked":           TestRemovedWhileAsked,
		"TestMutedWhileAskedAboutAnEdit":  TestMutedWhileAskedAboutAnEdit,
		"TestEditsInAGroupAreAsked":       TestEditsInAGroupAreAsked,
	},
	"owncalls_test.go": {
		"TestMarks":           TestMarks,
		"TestMarksOfAGroup":   TestMarksOfAGroup,
		"TestRefusedOneByOne": TestRefusedOneByOne,
	},
	"remindall_test.go": {
		"TestQuietHours": TestQuietHours,
	},
	"convgroups_test.go": {
		"TestConversationGroups":          TestConversationGroups,
		"TestBadConversationGroups":       TestBadConversationGroups,
		"TestRemindTypes":                 TestRemindTypes,
		"TestADeletedGroupComesBackWhole": TestADeletedGroupComesBackWhole,
	},
	"hooks_test.go": {
		"TestHooks":               TestHooks,
		"TestHooksAndRepetitions": TestHooksAndRepetitions,
		"TestHooksOfTheServerAPI": TestHooksOfTheServerAPI,
		"TestHangUpWhileAsked":    TestHangUpWhileAsked,
	},
	"group_test.go": {
		"TestGroupTalk":                TestGroupTalk,
		"TestGroupFramesAreTheSame":    TestGroupFramesAreTheSame,
		"TestGroupRepetition":          TestGroupRepetition,
		"TestGroupLeaveAndComeBack":    TestGroupLeaveAndComeBack,
		"TestGroupOlder":               TestGroupOlder,
		"TestGroupOffline":             TestGroupOffline,
		"TestGroupRevoke":              TestGroupRevoke,
		"TestGroupDelete":              TestGroupDelete,
		"TestGroupSettings":            TestGroupSettings,
		"TestGroupGone":                TestGroupGone,
		"TestGroupLimits":              TestGroupLimits,
		"TestGroupRate":                TestGroupRate,
		"TestGroupMentions":            TestGroupMentions,
		"TestGroupOnlineOnly":          TestGroupOnlineOnly,
		"TestGroupUserWithoutDocument": TestGroupUserWithoutDocument,
	},
	"grouprefused_test.go": {
		"TestSearchInGroups":         TestSearchInGroups,
		"TestGroupOfAFullUser":       TestGroupOfAFullUser,
		"TestDismissedGroupsGiveWay": TestDismissedGroupsGiveWay,
		"TestSendWhileLeaving":       TestSendWhileLeaving,
	},
	"grouplive_test.go": {
		"TestLiveRoom":             TestLiveRoom,
		"TestHooksInALiveRoom":     TestHooksInALiveRoom,
		"TestBroadcastToLiveRooms": TestBroadcastToLiveRooms,
	},
	"c2cserver_test.go": {
		"TestServerReads":   TestServerReads,
		"TestServerRevokes": TestServerRevokes,
	},
	"contacted_test.go": {"TestContacted": TestContacted},
	"roam_test.go":      {"TestRoam": TestRoam},
	"moderation_test.go": {
		"TestModerationBetweenUsers": TestModerationBetweenUsers,
		"TestModerationInAGroup":     TestModerationInAGroup,
	},
	"groupserver_test.go": {
		"TestServerAPIInAGroup":  TestServerAPIInAGroup,
		"TestServerSendsInAName": TestServerSendsInAName,
		"TestForgetInGroups":     TestForgetInGroups,
	},
	"groupreceipts_test.go": {
		"TestGroupReceipts":            TestGroupReceipts,
		"TestWhoGivesReceiptsInAGroup": TestWhoGivesReceiptsInAGroup,
		"TestReceiptsOfManyAtOnce":     TestReceiptsOfManyAtOnce,
	},
	"groupreactions_test.go": {
		"TestGroupReactions":        TestGroupReactions,
		"TestWhoReactsInAGroup":     TestWhoReactsInAGroup,
		"TestManyReactionsInAGroup": TestManyReactionsInAGroup,
		"TestReactionsOfManyAtOnce": TestReactionsOfManyAtOnce,
	},
	"extensions_test.go": {
		"TestExtensions":             TestExtensions,
		"TestWhoExtends":             TestWhoExtends,
		"TestExtensionsInAGroup":     TestExtensionsInAGroup,
		"TestExtensionsOfManyAtOnce": TestExtensionsOfManyAtOnce,
	},
	"quote_test.go": {
		"TestQuotes":    TestQuotes,
		"TestBadQuotes": TestBadQuotes,
	},
	"groupedits_test.go": {
		"TestGroupEdits":       TestGroupEdits,
		"TestMissedGroupEdits": TestMissedGroupEdits,
		"TestWhoEditsInAGroup": TestWhoEditsInAGroup,
	},
	"serverchanges_test.go": {
		"TestServerRevokesASender":        TestServerRevokesASender,
		"TestServerSetsUnread":            TestServerSetsUnread,
		"TestServerSetsUnreadOfANewcomer": TestServerSetsUnreadOfANewcomer,
		"TestServerEditsInAGroup":         TestServerEditsInAGroup,
		"TestServerEditsByKey":            TestServerEditsByKey,
		"TestServerChangesATopic":         TestServerChangesATopic,
	},
	"pins_test.go": {
		"TestPins":                  TestPins,
		"TestWhoPins":               TestWhoPins,
		"TestTooManyPins":           TestTooManyPins,
		"TestMissedPins":            TestMissedPins,
		"TestPinsBesideRevocations": TestPinsBesideRevocations,
	},
	"topics_test.go": {
		"TestTopicTalk":            TestTopicTalk,
		"TestServerAPIInATopic":    TestServerAPIInATopic,
		"TestTopicsAreHeardAtOnce": TestTopicsAreHeardAtOnce,
		"TestMissedInTopics":       TestMissedInTopics,
		"TestWhoHearsOfTopics":     TestWhoHearsOfTopics,
		"TestLeavingManyTopics":    TestLeavingManyTopics,
		"TestSendToATopicMadeAnew": TestSendToATopicMadeAnew,
	},
	"notice_test.go": {
		"TestNotices": TestNotices,
	},
	"importing_test.go": {
		"TestImport":       TestImport,
		"TestImportUnread": TestImportUnread,
		"TestImportOrder":  TestImportOrder,
	},
	"cleared_test.go": {
		"TestWhatWasClearedStaysCleared": TestWhatWasClearedStaysCleared,
	},
	"full_test.go": {
		"TestTextsThatDoNotFit":                TestTextsThatDoNotFit,
		"TestConversationsThatAllSaySomething": TestConversationsThatAllSaySomething,
	},
	"waiting_test.go": {
		"TestSyncGivenUp":   TestSyncGivenUp,
		"TestSyncThatFails": TestSyncThatFails,
	},
	"watch_test.go": {
		"TestStatusFlood":          TestStatusFlood,
		"TestStatusIsCharged":      TestStatusIsCharged,
		"TestOneSignalOfManyUsers": TestOneSignalOfManyUsers,
		"TestListsOfWatches":       TestListsOfWatches,
	},
	"rates_test.go": {
		"TestANewLoginHasNoNewBurst":      TestANewLoginHasNoNewBurst,
		"TestSyncsAreCharged":             TestSyncsAreCharged,
		"TestProfilesAreCharged":          TestProfilesAreCharged,
		"TestAcknowledgingWhatIsNotThere": TestAcknowledgingWhatIsNotThere,
		"TestWholeAllowancesAreForgotten": TestWholeAllowancesAreForgotten,
	},
	"profile_test.go": {
		"TestCustomFieldsAreKeyAndValue": TestCustomFieldsAreKeyAndValue,
	},
}

// muchData are tests of onAModel that move so much data that they take long on NATS
// under the race detector. They ask no more of a bus than the others do, so that make
// test runs them on the model alone; make soak runs them on NATS, too.
var muchData = []string{
	"TestDismissedGroupsGiveWay", "TestFirstWriters", "TestHopFar", "TestManyBeginAtOnce", "TestManyPeers", "TestReadAllInParts",
	"TestSearchStopsAndGoesOn", "TestStrangersDoNotLockOut", "TestWhoComesBackFindsTheirDocuments",
}

// onNATS are the tests in those files that need NATS itself, or that move much
// data, which is slow under the race detector and tests nothing more of a bus.
var onNATS = []string{
	"TestRefusedCostsLittle", "TestReactionsFromTwo",
	"TestLargeSync", "TestBrokenSyncGoesOn", "TestHoarders", "TestSyncsTogether", "TestWhatComesDuringASync", "TestBrokenAnywhere",
}

// TestOnAModel runs tests once more, on a bus in memory. So the inbox needs no
// more of a bus than its interface says, and the model behaves as NATS does.
func TestOnAModel(t *testing.T) {
	left := slices.Clone(muchData)
	for file, tests := range onAModel {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "Test") {
				continue
			}
			name := f.Name.Name
			if tests[name] == nil {
				require.Contains(t, onNATS, name, "%s belongs into one of the two lists", name)
				continue
			}
			left = slices.DeleteFunc(left, func(n string) bool { return n == name })
			t.Run(name, tests[name])
		}
	}
	require.Empty(t, left, "neither NATS nor the model has these tests")
}
