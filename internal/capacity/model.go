package capacity

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Load is what users do.
type Load struct {
	Online int64 // at the busiest time
	// Messages and Logins of a user who is online, a day.
	Messages, Logins float64
	// Peak is the rate of the busiest time over that of the mean.
	Peak float64
	// Registered is how many users there are for each who is online at the busiest time.
	Registered float64
	// Conversations of each registered user, who are two in each.
	Conversations float64
	// Days that messages are kept.
	Days float64
}

// Chat is a messenger whose users talk: 60 messages and 6 logins a day each, three
// times as many in the busiest hour as in the mean one, 5 registered for one who is
// online, 50 conversations each, 90 days of messages.
func Chat(online int64) Load {
	return Load{Online: online, Messages: 60, Logins: 6, Peak: 3, Registered: 5, Conversations: 50, Days: 90}
}

// messages and logins return how many come a second at the busiest time.
func (l Load) messages() float64 { return float64(l.Online) * l.Messages * l.Peak / day }
func (l Load) logins() float64   { return float64(l.Online) * l.Logins * l.Peak / day }

// pings returns how many heartbeats come a second.
func (l Load) pings() float64 { return float64(l.Online) / heartbeat }

// documents returns how many of conversations there are, one for each user of each; logs
// are half as many.
func (l Load) documents() float64 { return float64(l.Online) * l.Registered * l.Conversations }

// held returns the memory of all sessions, whose users' conversations are in it.
func (l Load) held(c Costs) float64 {
	return float64(l.Online) * (float64(c.Session) + l.Conversations*float64(c.Conversation))
}

// stored returns the bytes of all messages on one replica.
func (l Load) stored(c Costs) float64 {
	return float64(l.Online) * l.Messages * l.Days * float64(c.Record)
}

const (
	day       = 24 * 60 * 60
	heartbeat = 20 // frame.Heartbeat, in seconds
	replicas  = 3
)

// Needs is what a load takes in machines of one kind.
type Needs struct {
	Gateways, Servers, Partitions int
	// By is what asks for so many: of each the resource that is used up first.
	GatewaysBy, ServersBy string
	Messages, Logins      float64 // a second
	GatewayLink           float64 // bytes a second at each gateway
	Disk                  float64 // bytes on each server
	Subjects              float64 // bytes of memory on each server
}

// Limit is something that more machines do not cure.
type Limit struct {
	What   string
	Online int64 // users at which it is reached
}

// Limits returns what gives first, second and third as users become more.
func Limits(c Costs, m Machine, l Load) []Limit {
	users := float64(l.Online)
	at := func(used, there float64) int64 { return int64(users * there / used) }
	limits := []Limit{
		{"documents of conversations: a stream's subjects are all in the memory of each of its replicas", at(l.documents()*float64(c.Subject), float64(c.Documents*m.Memory)*share)},
		{"each gateway hears of every message: CPU", at(l.messages()*seconds(c.Heard), m.Cores*share)},
		{"each gateway hears of every message: its link", at(l.messages()*float64(c.Record), m.Link*share)},
		{"16 partitions, each of which one server leads", at(l.messages(), maxPartitions*c.Writes*share)},
	}
	slices.SortFunc(limits, func(a, b Limit) int { return cmp.Compare(a.Online, b.Online) })
	return limits
}

// Cells returns among how many clusters, which know nothing of each other, the users
// have to be divided so that no limit is reached.
func Cells(c Costs, m Machine, l Load) int {
	return int(math.Ceil(float64(l.Online) / float64(Limits(c, m, l)[0].Online)))
}

// Plan returns what a load within the limits takes.
func Plan(c Costs, m Machine, l Load) Needs {
	n := Needs{Messages: l.messages(), Logins: l.logins()}
	n.Partitions = ceil(n.Messages / (c.Writes * share))

	cpu := m.Cores * share
	own := n.Messages*seconds(c.Served) + n.Logins*seconds(c.Login) + l.pings()*seconds(c.Ping)
	heard := n.Messages * seconds(c.Heard)
	n.Gateways, n.GatewaysBy = most(map[string]float64{
		"CPU": (own - heard) / (cpu - heard), "memory": l.held(c) / (float64(m.Memory) * share),
		"link":         n.Messages * float64(c.Frames) / (m.Link*share - n.Messages*float64(c.Record)),
		"one may fail": 2,
	})
	n.GatewayLink = n.Messages * (float64(c.Record) + float64(c.Frames)/float64(n.Gateways))

	hear := float64(n.Gateways)
	subjects := 1.5 * l.documents() * float64(c.Subject) // and the logs
	disk := replicas * l.stored(c)
	n.Servers, n.ServersBy = most(map[string]float64{
		"CPU":    n.Messages * (seconds(c.Stored) + hear*seconds(c.Sent)) / cpu,
		"link":   n.Messages * float64(c.Record) * (hear + replicas - 1) / (m.Link * share),
		"memory": replicas * subjects / (float64(m.Memory) * share),
		"disk":   disk / (float64(m.Disk) * share), "three replicas": replicas,
	})
	n.Disk, n.Subjects = disk/float64(n.Servers), replicas*subjects/float64(n.Servers)
	return n
}

// Alone returns how many users one machine carries that runs timd with its own store,
// and what is used up then.
func Alone(c Costs, m Machine, l Load) (online int64, by string) {
	users := float64(l.Online)
	shares := map[string]float64{
		"CPU":    (l.messages()*seconds(c.Served+c.Stored/replicas) + l.logins()*seconds(c.Login) + l.pings()*seconds(c.Ping)) / (m.Cores * share),
		"memory": (l.held(c) + 1.5*l.documents()*float64(c.Subject)) / (float64(m.Memory) * share),
		"disk":   l.stored(c) / (float64(m.Disk) * share),
	}
	worst := 0.0
	for what, s := range shares {
		if s > worst {
			worst, by = s, what
		}
	}
	return int64(users / worst), by
}

// most returns the largest of some numbers of machines, rounded up, and what asks for it.
func most(numbers map[string]float64) (n int, by string) {
	top := 0.0
	for what, x := range numbers {
		if x > top || x == top && what < by {
			top, by = x, what
		}
	}
	return ceil(top), by
}

func ceil(x float64) int { return int(math.Ceil(x)) }

func seconds(d time.Duration) float64 { return d.Seconds() }
