package audit

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
)

func open(t *testing.T) *Log {
	t.Helper()
	l, err := Open(t.Context(), busmodel.New(busmodel.Options{}))
	require.NoError(t, err)
	return l
}

// pages reads all pages of a list and returns the commands in them and the size
// of each page.
func pages(t *testing.T, l *Log, k Kind, limit int) (commands []string, sizes []int) {
	t.Helper()
	for cursor := ""; ; {
		page, next, err := l.List(t.Context(), 1, k, cursor, limit)
		require.NoError(t, err)
		for _, e := range page {
			commands = append(commands, e.Command)
		}
		sizes = append(sizes, len(page))
		if next == "" {
			return commands, sizes
		}
		cursor = next
	}
}

func TestTheNewestEntryComesFirst(t *testing.T) {
	l := open(t)
	got, sizes := pages(t, l, Acts, 2)
	require.Empty(t, got)
	require.Equal(t, []int{0}, sizes)
	for i := range 5 {
		require.NoError(t, l.Add(t.Context(), 1, Acts, Entry{Command: strconv.Itoa(i)}))
	}
	got, sizes = pages(t, l, Acts, 2)
	require.Equal(t, []string{"4", "3", "2", "1", "0"}, got)
	require.Equal(t, []int{2, 2, 1}, sizes)
	_, sizes = pages(t, l, Acts, 5)
	require.Equal(t, []int{5}, sizes, "no empty page at the end")
}

// List returns every entry of one app and kind, however many entries of others lie
// between them.
func TestEntriesOfOthersAreSkipped(t *testing.T) {
	l := open(t)
	add := func(app uint32, k Kind, command string) {
		require.NoError(t, l.Add(t.Context(), app, k, Entry{Command: command}))
	}
	var want []string
	for i := range 6 {
		for range i * i * 10 {
			add(1, Messages, "sent")
			add(2, Acts, "other")
		}
		add(1, Acts, strconv.Itoa(i))
		want = append([]string{strconv.Itoa(i)}, want...)
	}
	add(2, Acts, "other")
	for _, limit := range []int{1, 2, 4, 200} {
		got, _ := pages(t, l, Acts, limit)
		require.Equal(t, want, got, limit)
	}
	got, _ := pages(t, l, Messages, 200)
	require.Len(t, got, 10*(1+4+9+16+25))
}

func TestEntriesAreKeptWhole(t *testing.T) {
	l := open(t)
	e := Entry{Time: 7, Admin: "administrator", Addr: "127.0.0.1", Command: "timd_account/ban", Code: fault.BadParameters, On: []Field{{Name: "UserID", Values: []string{"alice"}, More: 1}}}
	require.NoError(t, l.Add(t.Context(), 1, Acts, e))
	page, next, err := l.List(t.Context(), 1, Acts, "", 10)
	require.NoError(t, err)
	require.Equal(t, []Entry{e}, page)
	require.Empty(t, next)
}

func TestBadCursorsAndCanceledCallsFail(t *testing.T) {
	l := open(t)
	for _, cursor := range []string{"x", "0", "-1", "18446744073709551615"} {
		_, _, err := l.List(t.Context(), 1, Acts, cursor, 10)
		require.ErrorIs(t, err, fault.New(fault.BadParameters), cursor)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, l.Add(canceled, 1, Acts, Entry{}))
	_, _, err := l.List(canceled, 1, Acts, "", 10)
	require.Error(t, err)
	got, _ := pages(t, l, Acts, 10)
	require.Empty(t, got)
}
