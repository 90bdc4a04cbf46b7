package timd

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// A timd in dev mode signs UserSigs for an administrator, of their own app alone; any
// other refuses with a sentence. The audit log says for whom, without the UserSig.
func TestRESTSignsInDevModeOnly(t *testing.T) {
	s := newStage(t, func(o *options) { o.dev = true })
	a := s.call("timd_usersig/sign", `{"UserID":"alice","Expire":3600}`)
	sig := a["UserSig"].(string)
	require.Zero(t, s.member("Web").login("alice", sig))
	log := fmt.Sprint(s.call("timd_audit/list", `{}`))
	require.Contains(t, log, "timd_usersig/sign")
	require.Contains(t, log, "alice")
	require.NotContains(t, log, sig)
	for _, body := range []string{`{}`, `{"UserID":""}`, `{"UserID":"alice","Expire":0}`, `{"UserID":"alice","Expire":15552001}`} {
		require.EqualValues(t, fault.BadParameters, s.post("timd_usersig/sign", good(), body).code(), body)
	}
}

func TestRESTSignsNothingOtherwise(t *testing.T) {
	s := newStage(t, nil)
	a := s.post("timd_usersig/sign", good(), `{"UserID":"alice"}`)
	require.EqualValues(t, fault.InvalidOperation, a.code())
	require.Contains(t, a["ErrorInfo"], "not in dev mode")
	require.NotContains(t, a, "UserSig")
}
