package cluster

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	enc "encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkLoginPath is a login as a client sees it, against a timd in a
// process of its own with its embedded store on disk: connect, upgrade,
// UserSig, registry, answer. The UserSigs are signed before. It also reports
// what a login costs that process, and what an idle session costs it
// afterwards. The generator shares the cores.
func BenchmarkLoginPath(b *testing.B) { loginPath(b, dialBench) }

// BenchmarkTLS is BenchmarkLoginPath with TLS in timd, and without it beside that.
func BenchmarkTLS(b *testing.B) {
	b.Run("plain", BenchmarkLoginPath)
	b.Run("tls", func(b *testing.B) {
		loginPath(b, func(addr string, i int) (net.Conn, error) {
			c, err := dialBench(addr, i)
			if err == nil {
				c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
			}
			return c, err
		}, certificate(b)...)
	})
}

// certificate returns the flags of timd for TLS.
func certificate(b *testing.B) []string {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	cert := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	require.NoError(b, err)
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(b.TempDir(), name)
		require.NoError(b, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	return []string{"--tls-cert", write("cert.pem", "CERTIFICATE", cert.Certificate[0]), "--tls-key", write("key.pem", "PRIVATE KEY", key)}
}

// loginPath has the clients dial as they are told to.
func loginPath(b *testing.B, dial func(addr string, i int) (net.Conn, error), flags ...string) {
	g := StartGateway(b, append(flags, "--data", b.TempDir())...)
	const clients = 64
	login := func(i int, sig string) (net.Conn, error) {
		c, err := dial(g.Addr, i)
		if err != nil {
			return nil, err
		}
		return loginOver(c, i, sig)
	}
	sigs := make([]string, b.N)
	for i := range sigs {
		sigs[i] = Sign(benchUser(i))
	}
	// Whatever the first logins create once exists before the measurement
	// begins.
	for i := range clients {
		c, err := login(-1-i, Sign(benchUser(-1-i)))
		require.NoError(b, err)
		defer c.Close()
	}
	cpu, resident := g.usage(b)
	b.ResetTimer()
	took, conns, err := logins(b.N, clients, mostHeld, func(i int) (net.Conn, error) { return login(i, sigs[i]) })
	b.StopTimer()
	require.NoError(b, err)
	cpuNow, residentNow := g.usage(b)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
	b.ReportMetric(float64(took[b.N/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[b.N*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64((cpuNow-cpu).Microseconds())/float64(b.N), "cpu-µs/login")
	b.ReportMetric(float64(residentNow-resident)/float64(len(conns)), "rss-B/session")
	for _, c := range conns {
		hangUp(c)
	}
}

// BenchmarkSessions is what a session takes of timd's memory once it has logged in and
// synchronised, right after a crowd of them; each user has as many conversations, which
// were there before timd was started.
func BenchmarkSessions(b *testing.B) {
	for _, conversations := range []int{0, 50} {
		b.Run(fmt.Sprint("conversations=", conversations), func(b *testing.B) {
			const clients = 64
			g := StartGateway(b, "--data", b.TempDir())
			_, _, err := logins(b.N, clients, 0, func(i int) (net.Conn, error) {
				c, err := openBenchConn(g, i)
				for k := 1; err == nil && k <= conversations/2; k++ { // those behind write to this one
					c.peer = benchUser((i + k) % max(b.N, conversations))
					err = c.say(time.Now())
				}
				if err != nil {
					return nil, err
				}
				return c.conn, nil
			})
			require.NoError(b, err)
			g.Stop()
			g.Start()
			g.Ready(30 * time.Second)
			first, err := openBenchConn(g, -1) // and whatever the first one creates
			require.NoError(b, err)
			defer hangUp(first.conn)
			_, resident := g.usage(b)
			b.ResetTimer()
			_, conns, err := logins(b.N, clients, mostHeld, func(i int) (net.Conn, error) {
				c, err := openBenchConn(g, i)
				if err != nil {
					return nil, err
				}
				return c.conn, nil
			})
			b.StopTimer()
			require.NoError(b, err)
			_, now := g.usage(b)
			b.ReportMetric(float64(now-resident)/float64(len(conns)), "rss-B/session")
			for _, c := range conns {
				hangUp(c)
			}
		})
	}
}

// logins has n users log in, clients of them at once, and returns how long each took,
// sorted, and the connections of the first, as many as are held.
func logins(n, clients, held int, login func(i int) (net.Conn, error)) ([]time.Duration, []net.Conn, error) {
	took, conns := make([]time.Duration, n), make([]net.Conn, min(n, held))
	var next atomic.Int64
	var wait sync.WaitGroup
	failed := make(chan error, clients)
	for range clients {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				start := time.Now()
				c, err := login(i)
				if err != nil {
					failed <- err
					return
				}
				took[i] = time.Since(start)
				if i < held {
					conns[i] = c
				} else {
					hangUp(c)
				}
			}
		})
	}
	wait.Wait()
	close(failed)
	slices.Sort(took)
	return took, conns, <-failed
}

// mostHeld sessions stay open: a process has a limit of descriptors.
const mostHeld = 8000

func benchUser(i int) string { return fmt.Sprintf("bench%d", i) }

// loginOnce logs in over a bare connection, which costs this side little.
func loginOnce(addr string, i int, sig string) (net.Conn, error) {
	c, err := dialBench(addr, i)
	if err != nil {
		return nil, err
	}
	return loginOver(c, i, sig)
}

func loginOver(c net.Conn, i int, sig string) (net.Conn, error) {
	in, err := upgradeOver(c, "/ws", "Sec-WebSocket-Protocol: tim.v1\r\n")
	if err != nil {
		return nil, err
	}
	_, err = c.Write(textFrame(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"login","params":{"userID":%q,"userSig":%q,"platform":"Web","instance":"%032x","doc":"ab","intent":"new"}}`, benchUser(i), sig, uint32(i))))
	return c, answers(c, in, err, `"farewell"`)
}

// upgrade opens a WebSocket over a bare connection.
func upgrade(addr string, i int, path, headers string) (net.Conn, *bufio.Reader, error) {
	c, err := dialBench(addr, i)
	if err != nil {
		return nil, nil, err
	}
	in, err := upgradeOver(c, path, headers)
	return c, in, err
}

func dialBench(addr string, i int) (net.Conn, error) {
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+uint(i)%200))} // ports of one address would not suffice
	return (&net.Dialer{LocalAddr: from, Timeout: 10 * time.Second}).Dial("tcp", addr)
}

func upgradeOver(c net.Conn, path, headers string) (in *bufio.Reader, err error) {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	in = bufio.NewReaderSize(c, 2048)
	if _, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", path, c.RemoteAddr(), headers); err == nil {
		var r *http.Response
		if r, err = http.ReadResponse(in, nil); err == nil && r.StatusCode != http.StatusSwitchingProtocols {
			err = errors.New(r.Status)
		}
	}
	if err != nil {
		_ = c.Close()
	}
	return in, err
}

// answers returns an error unless what comes next holds a text; it closes the
// connection then, and after err.
func answers(c net.Conn, in *bufio.Reader, err error, want string) error {
	var answer string
	if err == nil {
		answer, err = readText(in)
	}
	if err == nil && !strings.Contains(answer, want) {
		err = errors.New(answer)
	}
	if err != nil {
		_ = c.Close()
	}
	return err
}

// hangUp leaves no connection behind in TIME_WAIT.
func hangUp(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// textFrame masks with zeros, which is allowed and changes nothing.
func textFrame(text string) []byte {
	if len(text) < 126 {
		return append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
	}
	head := []byte{0x81, 0x80 | 126, 0, 0, 0, 0, 0, 0}
	enc.BigEndian.PutUint16(head[2:], uint16(len(text)))
	return append(head, text...)
}

// readText reads one frame of less than 64 KB.
func readText(in *bufio.Reader) (string, error) {
	head, err := in.Peek(4)
	if err != nil {
		return "", err
	}
	n, skip := int(head[1]), 2
	if n == 126 {
		n, skip = int(enc.BigEndian.Uint16(head[2:])), 4
	}
	_, _ = in.Discard(skip)
	text := make([]byte, n)
	if _, err := io.ReadFull(in, text); err != nil {
		return "", err
	}
	return string(text), nil
}

// usage returns the CPU time of the process so far and its resident memory in
// bytes; it skips the benchmark where there is no /proc.
func (p *process) usage(b *testing.B) (cpu time.Duration, resident int64) {
	p.mu.Lock()
	pid := p.cmd.Process.Pid
	p.mu.Unlock()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip("CPU and memory of a process are read from /proc")
	}
	// After the name, which is in brackets: state is field 3, rss 24.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	pages, err := strconv.ParseInt(fields[24-3], 10, 64)
	require.NoError(b, err)
	cpu, err = cpuTime(pid)
	require.NoError(b, err)
	return cpu, pages * int64(os.Getpagesize())
}
