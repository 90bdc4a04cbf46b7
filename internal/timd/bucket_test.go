package timd

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bucket/bucketmodel"
	"github.com/tim-wasm/tim/internal/frame"
)

// bucketFlags returns the flags of a bucket of the model.
func bucketFlags(t *testing.T, s *bucketmodel.Store) map[string]string {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(keys, fmt.Appendf(nil, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", bucketmodel.ID, bucketmodel.Secret), 0o600))
	return map[string]string{
		"media-s3-endpoint": s.URL, "media-s3-bucket": bucketmodel.Bucket, "media-s3-prefix": "tim/", "media-s3-keys": keys,
	}
}

func asArguments(flags map[string]string) (args []string) {
	for name, value := range flags {
		args = append(args, "--"+name+"="+value)
	}
	return args
}

// A file goes into the bucket and comes back. A timd that starts while the bucket is
// down logs users in, says what fails, and serves the file once the bucket is back.
func TestFilesInABucket(t *testing.T) {
	t.Parallel()
	s, dir := bucketmodel.New(t), t.TempDir()
	args := append(asArguments(bucketFlags(t, s)), "--dev", "--data", dir)
	d := runTimd(t, args...)
	upload := func(d *timd) (status int, path string) {
		c, err := dial(t, d.url, nil)
		require.NoError(t, err)
		require.Nil(t, c.login("alice", d.sign("alice"), someInstance, frame.IntentNew).Err)
		var notes []frame.Message
		var k struct{ Ticket, Name string }
		fields(t, c.call(2, frame.MediaTicket, `{"kind":"file","size":10,"fileName":"a.txt"}`, &notes), &k)
		res, _ := d.do(http.MethodPost, "/media", "0123456789", "Authorization", "Bearer "+k.Ticket)
		return res.StatusCode, fmt.Sprintf("/media/%d/%s", devApp, k.Name)
	}
	status, path := upload(d)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []string{"tim" + strings.TrimPrefix(path, "/media")}, s.Keys())
	_, body := d.get(path)
	require.Equal(t, "0123456789", body)
	d.stop(syscall.SIGTERM)

	s.Fault(bucketmodel.Down)
	d = runTimd(t, args...)
	status, _ = upload(d)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, metricsOf(d), `tim_media_bucket_errors_total{op="put"}`)
	s.Fault(nil)
	_, body = d.get(path)
	require.Equal(t, "0123456789", body)
	d.stop(syscall.SIGTERM)
	require.Contains(t, d.stderr.String(), "the bucket cannot be used now") // here it is whole
	require.NotContains(t, d.stderr.String(), bucketmodel.Secret)

	out, err := timdCommand(t, append(append([]string{"serve", "--listen=127.0.0.1:0"}, args...), "--media-s3-bucket=other")...).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "make the bucket, or correct its name")
}

func TestDoctorTriesTheBucket(t *testing.T) {
	s := bucketmodel.New(t)
	for _, c := range []struct {
		change func(flags map[string]string)
		code   int
		says   string
	}{
		{func(map[string]string) {}, 0, `ok    bucket   files can be stored in files at http://`},
		{func(f map[string]string) { f["media-s3-bucket"] = "other" }, 1, `fail  bucket   nothing can be stored: .* make the bucket, or correct its name`},
		{func(f map[string]string) { f["media-s3-keys"] += "x" }, 1, `fail  bucket   --media-s3-keys: the file with the keys cannot be read`},
		{func(f map[string]string) { require.NoError(t, os.Chmod(f["media-s3-keys"], 0o644)) }, 0, `warn  bucket   other users of this machine can read the keys in `},
	} {
		flags := healthy(t)
		for name, value := range bucketFlags(t, s) {
			flags[name] = value
		}
		c.change(flags)
		code, out := diagnose(t, flags)
		require.Equal(t, c.code, code, out)
		require.Regexp(t, `(?m)^`+c.says, out)
		require.NotContains(t, out, bucketmodel.Secret)
		require.Empty(t, s.Keys(), "nothing is left")
	}

	// config check reads the keys and sends nothing.
	flags := bucketFlags(t, s)
	asked := s.Asked(http.MethodPut)
	var out, errs bytes.Buffer
	require.Zero(t, Config(append([]string{"check", "--dev"}, asArguments(flags)...), &out, &errs), errs.String())
	require.Contains(t, out.String(), "media-s3-bucket = files  # argument\n")
	flags["media-s3-keys"] += "x"
	require.Equal(t, 2, Config(append([]string{"check", "--dev"}, asArguments(flags)...), &out, &errs))
	require.Contains(t, errs.String(), "--media-s3-keys: the file with the keys cannot be read")
	require.Equal(t, asked, s.Asked(http.MethodPut))
}
