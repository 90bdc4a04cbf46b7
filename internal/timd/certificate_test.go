package timd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/testlog"
)

// certificateFiles makes a certificate for 127.0.0.1 and its key, and returns their
// files.
func certificateFiles(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	cert, keyPEM := newCertificate(t, 1, time.Hour)
	require.NoError(t, os.WriteFile(certFile, cert, 0o600))
	require.NoError(t, os.WriteFile(keyFile, keyPEM, 0o600))
	return certFile, keyFile
}

// newCertificate makes a certificate for 127.0.0.1 and its key.
func newCertificate(t *testing.T, serial int64, lasts time.Duration) (cert, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(lasts), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// A new certificate is served without a restart. One that cannot be used does not
// replace the one before.
func TestCertificateIsReadAgain(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	logs := new(testlog.Buffer)
	c, err := readCertificate(options{tlsCert: certFile, tlsKey: keyFile}, slog.New(slog.NewTextHandler(logs, nil)))
	require.NoError(t, err)
	serial := func() int64 {
		pair, err := c.get(nil)
		require.NoError(t, err)
		return pair.Leaf.SerialNumber.Int64()
	}
	at := time.Now()
	replace := func(file string, text []byte) {
		require.NoError(t, os.WriteFile(file, text, 0o600))
		at = at.Add(time.Minute) // the clock of a file system may be coarse
		require.NoError(t, os.Chtimes(file, at, at))
	}
	said := func(what string) int { return strings.Count(logs.String(), what) }
	require.Equal(t, 1, said("expires soon"), "it lasts an hour")

	c.look(false)
	require.Zero(t, said("read again"), "nothing has changed")

	cert2, key2 := newCertificate(t, 2, 30*24*time.Hour)
	replace(certFile, cert2)
	c.look(false)
	require.EqualValues(t, 1, serial())
	require.Zero(t, said("cannot be used"), "the new key may not have been written yet")
	replace(keyFile, key2)
	c.look(false)
	require.EqualValues(t, 2, serial())
	require.Equal(t, 1, said("read again"))
	require.Equal(t, 1, said("expires soon"))

	cert3, key3 := newCertificate(t, 3, 30*24*time.Hour)
	replace(certFile, cert3)
	for range 4 {
		c.look(false)
	}
	require.Equal(t, 1, said("cannot be used"), "each mistake is logged once")
	require.EqualValues(t, 2, serial())
	c.look(true)
	require.Equal(t, 2, said("cannot be used"), "and again when an operator asks for it")
	replace(keyFile, key3)
	c.look(false)
	require.EqualValues(t, 3, serial())

	require.NoError(t, os.Remove(keyFile))
	for range 4 {
		c.look(false)
	}
	require.Equal(t, 3, said("cannot be used"))
	require.EqualValues(t, 3, serial())
	replace(keyFile, key3)
	c.look(false)
	require.Equal(t, 3, said("read again"))
}

func TestSIGHUPReadsTheCertificateAgain(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	app := filepath.Join(t.TempDir(), "app")
	require.NoError(t, os.WriteFile(app, []byte(strings.Repeat("k", 32)), 0o600))
	args := []string{"--ops-listen", "127.0.0.1:0", "--data", "memory", "--app", "1400000003=" + app}

	d := runTimd(t, append(args, "--tls-cert", certFile, "--tls-key", keyFile)...)
	serial := func() int64 {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(d.url, "https://"), &tls.Config{InsecureSkipVerify: true})
		require.NoError(t, err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	require.EqualValues(t, 1, serial())
	// HTTP/2 is offered nowhere: see serve.
	for _, url := range []string{d.url, d.opsURL} {
		offer := tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}
		conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &offer)
		require.NoError(t, err)
		require.Equal(t, "http/1.1", conn.ConnectionState().NegotiatedProtocol)
		require.NoError(t, conn.Close())
	}
	cert, key := newCertificate(t, 2, time.Hour)
	require.NoError(t, os.WriteFile(certFile, cert, 0o600))
	require.NoError(t, os.WriteFile(keyFile, key, 0o600))
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return serial() == 2 }, 30*time.Second, 10*time.Millisecond)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	res, err := client.Get(d.opsURL + "/metrics")
	require.NoError(t, err)
	metrics, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Contains(t, string(metrics), "\ntim_tls_expires_seconds ")
	d.stop(syscall.SIGTERM)

	// Without a certificate the signal changes nothing.
	d = runTimd(t, append(args, "--log-format", "json")...)
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGHUP))
	res, _ = d.get("/healthz")
	require.Equal(t, 200, res.StatusCode)
	d.stop(syscall.SIGTERM)
	for line := range strings.Lines(d.stderr.String()) {
		require.True(t, json.Valid([]byte(line)), line)
	}
}
