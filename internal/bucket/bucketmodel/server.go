package bucketmodel

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Server starts the versitygw that TIM_S3 names on an empty directory, with a bucket
// and keys like the model's, and returns its URL. Without TIM_S3 the test is skipped.
func Server(t testing.TB) string {
	program := os.Getenv("TIM_S3")
	if program == "" {
		t.Skip("TIM_S3 names no versitygw: make s3 runs this")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, Bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	cmd := exec.Command(program, "--access", ID, "--secret", Secret, "--port", address, "--quiet", "posix", dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return "http://" + address
		} else if time.Since(began) > time.Minute {
			t.Fatalf("versitygw does not listen: %v", err)
		}
	}
}
