package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/usersig"
)

// Client calls the server API of a running timd. It signs an administrator's
// UserSig for each call, valid for a minute.
type Client struct {
	Server   string // http://host:port
	SDKAppID uint32
	Key      string
	Admin    string // administrator when ""
	HTTP     *http.Client
}

// Call sends body as JSON to service/command and reads the reply's fields
// into out, if it is not nil. A reply with an ErrorCode is a *fault.Error.
func (c *Client) Call(ctx context.Context, command string, body, out any) error {
	base, err := url.Parse(c.Server)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return fmt.Errorf("%q is not a URL of timd, for example http://127.0.0.1:8081", c.Server)
	}
	admin := c.Admin
	if admin == "" {
		admin = "administrator"
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	q := url.Values{
		"sdkappid":    {strconv.FormatUint(uint64(c.SDKAppID), 10)},
		"identifier":  {admin},
		"usersig":     {usersig.Sign(c.SDKAppID, c.Key, admin, time.Now(), time.Minute)},
		"random":      {strconv.FormatUint(uint64(rand.Uint32()), 10)},
		"contenttype": {"json"},
	}
	where := strings.TrimSuffix(base.String(), "/") + "/v4/" + command
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, where+"?"+q.Encode(), bytes.NewReader(data))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	h := c.HTTP
	if h == nil {
		h = http.DefaultClient
	}
	answer, err := h.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // its text contains the URL with the UserSig
		}
		if host, ok := errors.AsType[x509.HostnameError](err); ok {
			return fmt.Errorf("the certificate of %s is for other names: %w; use one of those names in --server", base.Host, host)
		}
		if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
			return fmt.Errorf("the certificate of %s is not trusted here: %w; set SSL_CERT_FILE to the file of its certificate authority", base.Host, err)
		}
		return fmt.Errorf("%s does not answer: %w; check --server and that timd runs", base.Host, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err != nil {
		return fmt.Errorf("%s broke off its answer: %w; try again", base.Host, err)
	}
	var common struct {
		ActionStatus string
		ErrorInfo    string
		ErrorCode    fault.Code
	}
	if json.Unmarshal(text, &common) != nil || common.ActionStatus == "" {
		if answer.StatusCode == http.StatusBadRequest && bytes.Contains(text, []byte("HTTPS server")) {
			return fmt.Errorf("%s expects https: use https://%s", base.Host, base.Host)
		}
		return fmt.Errorf("%s answers with HTTP %d and does not look like timd; check --server against that timd's --ops-listen", base.Host, answer.StatusCode)
	}
	if common.ErrorCode != 0 {
		return &fault.Error{Code: common.ErrorCode, Message: common.ErrorInfo}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}
