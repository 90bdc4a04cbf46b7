package inbox

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// While the connection to NATS is made anew, what clients ask waits, as it does
// for an election; it is no failure to call the operator for.
func TestAConnectionThatIsMadeAnewIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	begin := func(port int) *server.Server {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
		require.NoError(t, err)
		s.Start()
		require.True(t, s.ReadyForConnections(time.Minute))
		return s
	}
	s := begin(-1)
	port := s.Addr().(*net.TCPAddr).Port
	b, err := bus.Open(t.Context(), bus.Options{URLs: s.ClientURL(), Name: "test"})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	in := open(t, b, Options{})
	alice, bob := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	alice.send("bob", "before")
	bob.until("before", func() bool { return len(bob.messages) == 1 })

	s.Shutdown()
	s.WaitForShutdown()
	require.Eventually(t, func() bool { return !b.Up() }, time.Minute, 10*time.Millisecond)
	sent, read := make(chan *fault.Error, 1), make(chan *fault.Error, 1)
	go func() { sent <- alice.call("message.send", alice.text("during", "bob", "during"), nil) }()
	go func() { read <- bob.call("profile.get", map[string]any{}, nil) }()
	select {
	case f := <-sent:
		t.Fatalf("was not waited for: %d %s", f.Code, f.Message)
	case f := <-read:
		t.Fatalf("was not waited for: %d %s", f.Code, f.Message)
	case <-time.After(300 * time.Millisecond):
	}
	s = begin(port)
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	require.Nil(t, <-sent)
	require.Nil(t, <-read)
	bob.until("during", func() bool { return len(bob.messages) == 2 })
}

// What failed inside is for the operator's log and not for a client.
func TestWhatFailedInsideIsForTheLog(t *testing.T) {
	var mu sync.Mutex
	var told []string
	in := &Inbox{o: Options{Report: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, err.Error())
	}}}
	f := in.failed("message.send", errors.New("the disk is on fire"))
	require.Equal(t, fault.New(fault.Internal), f)
	require.Equal(t, []string{"inbox: message.send: the disk is on fire"}, told)
	require.Equal(t, fault.TooFrequent, in.failed("message.send", fault.New(fault.TooFrequent)).Code)
	require.Len(t, told, 1)
}
