package accounts

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

func open(t *testing.T, p Policy) *Accounts {
	t.Helper()
	a, err := Open(t.Context(), busmodel.New(busmodel.Options{}), p)
	require.NoError(t, err)
	return a
}

var (
	alice = place.User{SDKAppID: 1, UserID: "alice"}
	admin = place.User{SDKAppID: 1, UserID: "administrator"}
)

func ptr(s string) *string { return &s }

func TestWhoMayLogIn(t *testing.T) {
	for _, c := range []struct {
		require, imported   bool
		user                place.User
		mayLogIn, knownThen bool
	}{
		{user: alice, mayLogIn: true},
		{user: alice, imported: true, mayLogIn: true, knownThen: true},
		{user: admin, mayLogIn: true, knownThen: true},
		{require: true, user: alice},
		{require: true, user: alice, imported: true, mayLogIn: true, knownThen: true},
		{require: true, user: admin, mayLogIn: true, knownThen: true},
		{require: true, user: place.User{SDKAppID: 2, UserID: "alice"}, imported: true},
	} {
		a := open(t, Policy{Admins: []string{"administrator"}, RequireImport: c.require})
		if c.imported {
			require.NoError(t, a.Import(t.Context(), alice, nil, nil))
		}
		may, err := a.MayLogIn(t.Context(), c.user)
		require.NoError(t, err)
		known, err := a.Known(t.Context(), c.user)
		require.NoError(t, err)
		require.Equal(t, []bool{c.mayLogIn, c.knownThen}, []bool{may, known}, "%+v", c)
	}
}

func TestImportChangesOnlyWhatIsGiven(t *testing.T) {
	a, ctx := open(t, Policy{}), t.Context()
	a.now = func() time.Time { return time.UnixMilli(1000) }
	require.NoError(t, a.Import(ctx, alice, ptr("Alice"), nil))
	a.now = func() time.Time { return time.UnixMilli(2000) }
	require.NoError(t, a.Import(ctx, alice, nil, ptr("face")))
	got, known, err := a.Get(ctx, alice)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, Account{ImportedAt: 1000, Nick: "Alice", FaceURL: "face"}, got)

	was, err := a.Delete(ctx, alice)
	require.NoError(t, err)
	require.True(t, was)
	was, err = a.Delete(ctx, alice)
	require.NoError(t, err)
	require.False(t, was)
}

func TestAccountsAreListedInPages(t *testing.T) {
	a, ctx := open(t, Policy{}), t.Context()
	for _, id := range []string{"a", "b", "c"} {
		require.NoError(t, a.Import(ctx, place.User{SDKAppID: 1, UserID: id}, ptr(id+"!"), nil))
	}
	require.NoError(t, a.Import(ctx, place.User{SDKAppID: 2, UserID: "other app"}, nil, nil))
	read := func(cursor string) (ids []string, next string) {
		page, next, err := a.List(ctx, 1, cursor, 2)
		require.NoError(t, err)
		for _, one := range page {
			require.Equal(t, one.UserID+"!", one.Nick)
			ids = append(ids, one.UserID)
		}
		return ids, next
	}
	first, next := read("")
	require.Equal(t, []string{"a", "b"}, first)
	last, end := read(next)
	require.Equal(t, []string{"c"}, last)
	require.Empty(t, end)
	_, _, err := a.List(ctx, 1, "x", 2)
	require.ErrorIs(t, err, fault.New(fault.BadParameters))
}

// A caller who hangs up in the middle gets 70169, and the account is complete
// or absent.
func TestCallsThatAreGivenUp(t *testing.T) {
	a := open(t, Policy{RequireImport: true})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.MayLogIn(gone, alice)
	var f *fault.Error
	require.True(t, errors.As(err, &f), "%v", err)
	require.Equal(t, fault.ServerTimeout, f.Code)
	require.Error(t, a.Import(gone, alice, ptr("Alice"), nil))
	_, err = a.Delete(gone, alice)
	require.Error(t, err)
	require.NoError(t, a.Import(t.Context(), alice, ptr("Alice"), nil))
	got, known, err := a.Get(t.Context(), alice)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, "Alice", got.Nick)
}
