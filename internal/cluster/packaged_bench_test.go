package cluster

import (
	"bufio"
	"bytes"
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/base64"
	enc "encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// packaged returns those peers that come as packages of the system. They are started
// with what they need for the work of timd's clients and defaults otherwise.
func packaged(b *testing.B) (all []start) {
	for _, path := range []string{"mosquitto", "/usr/sbin/mosquitto"} {
		if _, err := exec.LookPath(path); err == nil {
			all = append(all, func() contender { return startMosquitto(b, path) })
			break
		}
	}
	if found, _ := filepath.Glob("/usr/lib/*/ejabberd-*/ebin/ejabberd.app"); len(found) > 0 {
		all = append(all, func() contender { return startEjabberd(b, filepath.Join(found[0], "..", "..", "..")) })
	}
	return all
}

// startMosquitto starts a broker of MQTT over WebSockets, which stores nothing. It
// is given the users' passwords, all the same.
func startMosquitto(b *testing.B, path string) contender {
	const rounds = 101 // of mosquitto_passwd
	salt := []byte("twelve bytes")
	sum, err := pbkdf2.Key(sha512.New, Key, salt, rounds, sha512.Size)
	require.NoError(b, err)
	hashed := fmt.Sprintf("$7$%d$%s$%s", rounds, base64.StdEncoding.EncodeToString(salt), base64.StdEncoding.EncodeToString(sum))
	var users bytes.Buffer
	for i := range max(mostHeld+comeBefore, heldAtOnce) + 1 {
		fmt.Fprintf(&users, "%s:%s\n", benchUser(i), hashed)
	}
	me, err := user.Current()
	require.NoError(b, err)
	port := ports(b, 1)[0]
	folder := b.TempDir()
	passwords, config := filepath.Join(folder, "passwords"), filepath.Join(folder, "mosquitto.conf")
	require.NoError(b, os.WriteFile(passwords, users.Bytes(), 0o600))
	// One that listens for WebSockets alone says that it listens for nothing, and ends.
	require.NoError(b, os.WriteFile(config, fmt.Appendf(nil,
		"listener %d 127.0.0.1\nprotocol websockets\nlistener 0 %s\npassword_file %s\nlog_type error\nuser %s\n",
		port, filepath.Join(folder, "mqtt"), passwords, me.Username), 0o600))
	return startPeer(b, "mosquitto", newMQTTConn(fmt.Sprint("127.0.0.1:", port)), path, "-c", config)
}

// mqttConn is a client of MQTT 3.1.1, which says everything with quality 1: the
// broker answers, and is answered.
type mqttConn struct {
	number int
	conn   net.Conn
	in     *bufio.Reader
	calls  uint16
}

// The types of packets, and their flags.
const (
	mqttConnect   = 0x10
	mqttConnAck   = 0x20
	mqttPublish   = 0x30
	mqttAgain     = 0x08
	mqttOnce      = 0x02 // quality 1
	mqttPubAck    = 0x40
	mqttSubscribe = 0x82
	mqttSubAck    = 0x90
)

func newMQTTConn(addr string) dial {
	return func(i int) (net.Conn, benchEnd, error) {
		conn, in, err := upgrade(addr, i, "/mqtt", "Sec-WebSocket-Protocol: mqtt\r\n")
		if err != nil {
			return nil, nil, err
		}
		c := &mqttConn{number: i, conn: conn, in: in}
		const withPassword, clean = 0xC0, 0x02
		hello := append(mqttText("MQTT"), 4, withPassword|clean, 0, 0) // others' turns are longer than any keep-alive
		hello = append(hello, bytes.Join([][]byte{mqttText(benchUser(i)), mqttText(benchUser(i)), mqttText(Key)}, nil)...)
		// A client may send on before it is let in: this is one way to and fro, as with the others.
		_, err = conn.Write(append(mqttFrame(mqttConnect, hello), mqttFrame(mqttSubscribe, append(append([]byte{0, 1}, mqttText(benchUser(i))...), 1))...))
		var kind byte
		for err == nil && kind != mqttSubAck {
			var body string
			if kind, body, err = c.read(); err == nil && kind == mqttConnAck && body != "\x00\x00" {
				err = fmt.Errorf("mosquitto does not let %s in: % x", benchUser(i), body)
			}
		}
		if err != nil {
			_ = conn.Close()
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Minute))
		return conn, c, err
	}
}

func mqttText(text string) []byte {
	return append(enc.BigEndian.AppendUint16(nil, uint16(len(text))), text...)
}

// mqttFrame is a packet of less than 128 bytes in a WebSocket's frame.
func mqttFrame(kind byte, body []byte) []byte {
	frame := textFrame(string(append([]byte{kind, byte(len(body))}, body...)))
	frame[0]++ // binary
	return frame
}

// read reads a packet; mosquitto sends each in a frame of its own.
func (c *mqttConn) read() (kind byte, body string, err error) {
	text, err := readText(c.in)
	if err != nil {
		return 0, "", err
	}
	if len(text) < 2 || int(text[1]) != len(text)-2 {
		return 0, "", fmt.Errorf("not a packet of MQTT: % x", text)
	}
	return text[0], text[2:], nil
}

func (c *mqttConn) hangUp() { hangUp(c.conn) }

func (c *mqttConn) say(at time.Time) error {
	c.calls = c.calls%0xFFFF + 1
	number := string(enc.BigEndian.AppendUint16(nil, c.calls))
	_, err := c.conn.Write(mqttFrame(mqttPublish|mqttOnce, fmt.Appendf(mqttText(benchUser(c.number+1)), `%s{"text":"at %d."}`, number, at.UnixNano())))
	for err == nil {
		kind, body, failed := c.read()
		if kind == mqttPubAck && body == number {
			return nil
		}
		err = failed
	}
	return err
}

func (c *mqttConn) hear() (sent []time.Time, err error) {
	for len(sent) == 0 {
		kind, body, err := c.read()
		if err != nil {
			return nil, err
		}
		if kind&^mqttAgain != mqttPublish|mqttOnce {
			continue
		}
		sent = timesIn(body)
		topic := 2 + len(benchUser(c.number))
		if _, err := c.conn.Write(mqttFrame(mqttPubAck, []byte(body[topic:topic+2]))); err != nil {
			return nil, err
		}
	}
	return sent, nil
}

// startEjabberd starts a server of XMPP over WebSockets that archives every message,
// in the store that comes with it, and takes tokens for passwords.
func startEjabberd(b *testing.B, libraries string) contender {
	port, folder := ports(b, 1)[0], b.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(b, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	key := file("key.jwk", fmt.Sprintf(`{"kty":"oct","k":%q}`, base64.RawURLEncoding.EncodeToString(ejabberdKey)))
	config, err := json.Marshal(map[string]any{ // which is YAML, too
		"hosts": []string{"localhost"}, "loglevel": "error",
		"auth_method": "jwt", "jwt_key": key, "jwt_jid_field": "sub",
		"listen": []any{map[string]any{
			"port": port, "ip": "127.0.0.1", "backlog": 1024, // of 128, some would wait for seconds
			"module": "ejabberd_http", "request_handlers": map[string]string{"/ws": "ejabberd_http_ws"},
		}},
		"modules": map[string]any{"mod_mam": map[string]string{"default": "always"}, "mod_stream_mgmt": map[string]any{}, "mod_offline": map[string]any{}},
	})
	require.NoError(b, err)
	return startPeer(b, "ejabberd", newXMPPConn(fmt.Sprint("127.0.0.1:", port)), "/usr/bin/env",
		"ERL_LIBS="+libraries, "EJABBERD_CONFIG_PATH="+file("ejabberd.yml", string(config)),
		"EJABBERD_LOG_PATH="+filepath.Join(folder, "log"), "SPOOL_DIR="+folder, "HOME="+folder,
		"erl", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none", // its threads do not wait by turning in circles, which would count as work
		"-mnesia", "dir", fmt.Sprintf("%q", filepath.Join(folder, "spool")), "-s", "ejabberd", "-noinput")
}

var ejabberdKey = bytes.Repeat([]byte("k"), 32) // as long as HS256 demands

// xmppConn is a client of XMPP (RFC 7395) that has its messages acknowledged by
// stream management (XEP-0198).
type xmppConn struct {
	number      int
	conn        net.Conn
	in          *bufio.Reader
	said, heard int
}

func newXMPPConn(addr string) dial {
	return func(i int) (conn net.Conn, c benchEnd, err error) {
		// ejabberd 23.01 leaves one opening in some 10,000 without an answer; it is begun again.
		for range 3 {
			if conn, c, err = enterXMPP(addr, i); !errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
		}
		return conn, c, err
	}
}

func enterXMPP(addr string, i int) (net.Conn, benchEnd, error) {
	const open = `<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="localhost" version="1.0"/>`
	conn, in, err := upgrade(addr, i, "/ws", "Sec-WebSocket-Protocol: xmpp\r\n")
	if err != nil {
		return nil, nil, err
	}
	c := &xmppConn{number: i, conn: conn, in: in}
	password := signJWT(ejabberdKey, benchUser(i)+"@localhost")
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + benchUser(i) + "\x00" + password))
	for _, step := range [][2]string{
		{open, "features"},
		{`<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">` + plain + `</auth>`, "<success"},
		{open, "features"},
		{`<iq xmlns="jabber:client" type="set" id="1"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>web</resource></bind></iq>`, "<jid>"},
		{`<enable xmlns="urn:xmpp:sm:3"/>`, "<enabled"},
		{`<presence xmlns="jabber:client"/>`, "<presence"}, // one's own comes back
	} {
		if _, err := c.ask(step[0], step[1]); err != nil {
			_ = conn.Close()
			return nil, nil, fmt.Errorf("ejabberd was to answer with %s: %w", step[1], err)
		}
	}
	c.said, c.heard = 1, 1 // the presence, and its echo
	_ = conn.SetDeadline(time.Now().Add(5 * time.Minute))
	return conn, c, nil
}

// ask says something and reads until an answer holds a text.
func (c *xmppConn) ask(text, want string) (string, error) {
	_, err := c.conn.Write(textFrame(text))
	return c.until(err, want)
}

func (c *xmppConn) until(err error, want string) (string, error) {
	for err == nil {
		var text string
		if text, err = readText(c.in); err != nil {
			break
		}
		switch {
		case strings.Contains(text, want):
			return text, nil
		case strings.HasPrefix(text, "<r "):
			_, err = c.conn.Write(textFrame(fmt.Sprintf(`<a xmlns="urn:xmpp:sm:3" h="%d"/>`, c.heard)))
		case strings.Contains(text, "<failure"), strings.Contains(text, "error"):
			err = errors.New(text)
		}
	}
	return "", err
}

func (c *xmppConn) hangUp() { hangUp(c.conn) }

func (c *xmppConn) say(at time.Time) error {
	c.said++
	message := fmt.Sprintf(`<message xmlns="jabber:client" type="chat" id="%d" to="%s@localhost"><body>at %d.</body></message>`, c.said, benchUser(c.number+1), at.UnixNano())
	_, err := c.conn.Write(append(textFrame(message), textFrame(`<r xmlns="urn:xmpp:sm:3"/>`)...))
	_, err = c.until(err, fmt.Sprintf(" h='%d'", c.said))
	return err
}

func (c *xmppConn) hear() ([]time.Time, error) {
	text, err := c.until(nil, "<body>")
	if err != nil {
		return nil, err
	}
	c.heard++
	body, _ := between(text, "<body>at ", ".</body>")
	return timesIn(fmt.Sprintf(`"text":"at %s."`, body)), nil
}
