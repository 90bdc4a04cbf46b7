package session

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/transcript"
)

// TestTranscripts plays the stories in testdata, as package transcript says. A
// line "config: local" puts the gateway on this machine.
func TestTranscripts(t *testing.T) {
	transcript.Run(t, func(story string) transcript.Take {
		m := newTestMachine(true, strings.Contains(story, "\nconfig: local\n"), strings.Contains(story, "\nconfig: provider\n"))
		return func(now int64, input string) (effects []string, err error) {
			in, err := parseInput(input)
			if err != nil {
				return nil, err
			}
			for _, e := range m.Step(now, in) {
				effects = append(effects, describe(e))
			}
			return effects, nil
		}
	})
}

// newTestMachine has secrets s1, s2, … padded to their real length, and uses
// the longest delay that the jitter allows.
func newTestMachine(online, local, provider bool) *Machine {
	secrets := 0
	return New(Config{
		SDKAppID: 1400000000, Platform: "Web", URL: "ws://gw/ws", Online: online, Local: local, Provider: provider,
		Doc:    func() string { return "d0c" },
		Secret: func() string { secrets++; return fmt.Sprintf("%032x", secrets) },
		Jitter: func(n int64) int64 { return n - 1 },
	})
}

// parseInput parses "login 1 alice sig", "frame 1 #2 {expiresIn:60000}" and so
// on; see testdata.
func parseInput(s string) (Input, error) {
	w := transcript.Words(strings.Fields(s))
	arg, num, tail := w.Text, w.Number, w.Rest
	switch arg(0) {
	case "create":
		return Create{Early: arg(1) == "early"}, nil
	case "login":
		return Login{Call: Call(num(1)), UserID: arg(2), UserSig: arg(3), Stored: strings.ReplaceAll(arg(4), `\n`, "\n")}, nil
	case "logout":
		return Logout{Call: Call(num(1))}, nil
	case "destroy":
		return Destroy{Call: Call(num(1))}, nil
	case "renew":
		return Renew{Call: Call(num(1)), UserSig: arg(2)}, nil
	case "send":
		return Send{Call: Call(num(1)), Method: arg(2), Params: parseFields(arg(3)), Within: num(4)}, nil
	case "provided":
		return Provided{Ask: Ask(num(1)), UserSig: arg(2)}, nil
	case "notprovided":
		return Provided{Ask: Ask(num(1)), Failed: tail(2)}, nil
	case "opened":
		return Opened{Gen: Gen(num(1))}, nil
	case "dialfailed":
		return DialFailed{Gen: Gen(num(1)), Detail: tail(2)}, nil
	case "closed":
		return Closed{Gen: Gen(num(1)), Code: int(num(2)), Reason: tail(3)}, nil
	case "result":
		return Received{Gen: Gen(num(1)), Frame: frame.Message{ID: num(2), Body: parseFields(arg(3))}}, nil
	case "nothing":
		return Received{Gen: Gen(num(1)), Frame: frame.Message{ID: num(2)}}, nil
	case "error":
		return Received{Gen: Gen(num(1)), Frame: frame.Message{ID: num(2), Err: fault.New(fault.Code(num(3)))}}, nil
	case "unwritten":
		return Unwritten{Gen: Gen(num(1)), ID: num(2), Err: fault.New(fault.Code(num(3)))}, nil
	case "notify":
		return Received{Gen: Gen(num(1)), Frame: frame.Message{Method: arg(2), Body: parseFields(arg(3))}}, nil
	case "timer":
		for t, name := range timerNames {
			if name == arg(1) {
				return TimerFired{Timer: t}, nil
			}
		}
	case "task":
		return TaskCame{}, nil
	case "online":
		return NetworkChanged{Online: true}, nil
	case "offline":
		return NetworkChanged{Online: false}, nil
	case "shown":
		return Shown{}, nil
	}
	return nil, fmt.Errorf("no such input: %q", s)
}

// parseFields parses {key:value,key:value}; whole numbers become numbers.
func parseFields(s string) frame.Fields {
	s = strings.Trim(s, "{}")
	f := frame.Fields{}
	for _, kv := range strings.Split(s, ",") {
		k, v, ok := strings.Cut(kv, ":")
		if !ok {
			continue
		}
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			f = append(f, frame.Field{Key: k, Value: n})
		} else {
			f = append(f, frame.Field{Key: k, Value: v})
		}
	}
	return f
}

var timerNames = map[Timer]string{
	TimerLogin: "login", TimerAttempt: "attempt", TimerRetry: "retry", TimerBeat: "beat",
	TimerPong: "pong", TimerWarn: "warn", TimerExpire: "expire", TimerCalls: "calls", TimerPace: "pace", TimerAsk: "ask",
}

func describe(e Effect) string {
	switch e := e.(type) {
	case Dial:
		return fmt.Sprintf("dial %d", e.Gen)
	case Write:
		return fmt.Sprintf("write %d #%d %s%s", e.Gen, e.Request.ID, e.Request.Method, show(e.Request.Params))
	case Close:
		return strings.TrimSpace(fmt.Sprintf("close %d %d %s", e.Gen, e.Code, e.Reason))
	case StartTimer:
		return fmt.Sprintf("timer %s in %d", timerNames[e.Timer], e.After)
	case StopTimer:
		return "stop " + timerNames[e.Timer]
	case NextTask:
		return "ask for a later task"
	case Settle:
		if e.Err != nil {
			return fmt.Sprintf("reject %d: %d %s", e.Call, e.Err.Code, e.Err.Message)
		}
		return fmt.Sprintf("resolve %d%s", e.Call, show(e.Result))
	case Emit:
		return "EMIT " + e.Name + show(e.Data)
	case Notify:
		return "notify " + e.Method + show(e.Body)
	case AskSig:
		return fmt.Sprintf("ASK %d for %s: %s", e.Ask, e.UserID, e.Reason)
	case Store:
		return "store " + strconv.Quote(e.Text)
	case Leave:
		return "leave " + e.Token
	}
	return fmt.Sprintf("%T", e)
}

func show(b frame.Body) string {
	f, ok := b.(frame.Fields)
	if !ok || len(f) == 0 {
		return ""
	}
	return " " + transcript.Show(f)
}
