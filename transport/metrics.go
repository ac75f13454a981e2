package transport

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the figures of the whole service, in a registry of their own:
//
//	presence_connections{transport}             open connections; transport is ws or tcp
//	presence_connections_total{transport}       connections so far
//	presence_connections_refused_total{reason}  by limits, before any message: many, failures
//	presence_sessions                           accounts with a session, lost ones included
//	presence_logins_total{result}               accepted, resumed, refused, unavailable, timeout, no_session
//	presence_messages_in_total                  messages from clients
//	presence_messages_out_total                 messages to clients
//	presence_bytes_in_total                     bytes of these, without TLS
//	presence_bytes_out_total
//	presence_drops_total{reason}                messages without effect: syntax, shape, type, stage, address
//	presence_slow_closes_total                  connections closed because they read too slowly
//	presence_rate_waits_total                   messages that had to wait for the account's rate
//	presence_rooms                              rooms in memory
//	presence_accounts                           accounts logged in
//	presence_chat_messages_total                chat messages stored
//	presence_chat_messages_failed_total         chat messages refused because the database failed
//	presence_room_panics_total                  rooms closed because of a defect
//	presence_calls                              calls that go on
//	presence_call_peers                         accounts in them
//	presence_call_events_relayed_total          events from peer to peer
//	presence_turn_relays                        relays of the built-in TURN server that are open
//	presence_turn_relays_total                  relays so far
//	presence_turn_packets_total                 packets through them, in both directions
//	presence_turn_bytes_total                   bytes of these
//	presence_turn_refused_total{reason}         credentials, quota, peer, rate, malformed
//	presence_db_queries_total                   database queries
//	presence_friendcore_up                      1 while FriendCore's service connection is registered
//	presence_friendcore_sync_errors_total       lists of users or workgroups that could not be read or stored
//	presence_notifications_sent_total           notifications that FriendCore took
//	presence_notifications_lost_total           notifications given up
//
// Those from presence_rooms on are read from Sources. Go's own figures (go_*, process_*) are
// there too.
type Metrics struct {
	registry   *prometheus.Registry
	transports map[string]*transportMetrics

	refusedMany, refusedFailures prometheus.Counter
	messagesIn, messagesOut      prometheus.Counter
	bytesIn, bytesOut            prometheus.Counter
	slowCloses, rateWaits        prometheus.Counter
	drops                        map[dropReason]prometheus.Counter
	logins                       map[loginResult]prometheus.Counter
}

// dropReason says why a message had no effect; empty: it had.
type dropReason string

const (
	dropSyntax  dropReason = "syntax"  // no JSON
	dropShape   dropReason = "shape"   // JSON, but not one of our frames
	dropType    dropReason = "type"    // an unknown type
	dropStage   dropReason = "stage"   // not at this stage of a connection
	dropAddress dropReason = "address" // addressed to another account
)

// loginResult is how a login ended.
type loginResult string

const (
	loginAccepted    loginResult = "accepted"
	loginResumed     loginResult = "resumed"
	loginRefused     loginResult = "refused"
	loginUnavailable loginResult = "unavailable" // nobody could decide
	loginTimeout     loginResult = "timeout"
	loginNoSession   loginResult = "no_session" // the session to resume is unknown
)

// Sources are where Metrics reads the figures of other packages. Functions that
// are nil are left out.
type Sources struct {
	Rooms, Accounts                                       func() int
	ChatMessages, ChatMessagesFailed, RoomPanics, Queries func() uint64
	FriendCoreUp                                          func() bool
	SyncErrors, NotificationsSent, NotificationsLost      func() uint64
	Calls, Peers                                          func() int
	Relayed                                               func() uint64
	TURN                                                  *TURN
}

// NewMetrics returns figures that are all zero.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		transports: map[string]*transportMetrics{},
		drops:      map[dropReason]prometheus.Counter{},
		logins:     map[loginResult]prometheus.Counter{},
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.messagesIn = m.counter("presence_messages_in_total", "messages from clients")
	m.messagesOut = m.counter("presence_messages_out_total", "messages to clients")
	m.bytesIn = m.counter("presence_bytes_in_total", "bytes of messages from clients, without TLS")
	m.bytesOut = m.counter("presence_bytes_out_total", "bytes of messages to clients, without TLS")
	m.slowCloses = m.counter("presence_slow_closes_total", "connections closed because they read too slowly")
	m.rateWaits = m.counter("presence_rate_waits_total", "messages that had to wait for the account's rate")
	m.labelled()
	return m
}

// labelled registers the figures with labels; all values of the labels are fixed.
func (m *Metrics) labelled() {
	open := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "presence_connections", Help: "open connections"}, []string{"transport"})
	total := m.vec("presence_connections_total", "connections so far", "transport")
	refused := m.vec("presence_connections_refused_total", "connections refused by limits", "reason")
	drops := m.vec("presence_drops_total", "messages without effect", "reason")
	logins := m.vec("presence_logins_total", "logins by result", "result")
	m.registry.MustRegister(open)
	for _, t := range []string{"ws", "tcp"} {
		m.transports[t] = &transportMetrics{open: open.WithLabelValues(t), total: total.WithLabelValues(t)}
	}
	m.refusedMany = refused.WithLabelValues("many")
	m.refusedFailures = refused.WithLabelValues("failures")
	for _, r := range []dropReason{dropSyntax, dropShape, dropType, dropStage, dropAddress} {
		m.drops[r] = drops.WithLabelValues(string(r))
	}
	for _, r := range []loginResult{loginAccepted, loginResumed, loginRefused, loginUnavailable, loginTimeout, loginNoSession} {
		m.logins[r] = logins.WithLabelValues(string(r))
	}
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) vec(name, help, label string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	m.registry.MustRegister(v)
	return v
}

// Watch registers the figures of other packages. It is called once.
func (m *Metrics) Watch(s Sources) {
	gauge(m, "presence_rooms", "rooms in memory", s.Rooms)
	gauge(m, "presence_accounts", "accounts logged in", s.Accounts)
	total(m, "presence_chat_messages_total", "chat messages stored", s.ChatMessages)
	total(m, "presence_chat_messages_failed_total", "chat messages refused because the database failed", s.ChatMessagesFailed)
	total(m, "presence_room_panics_total", "rooms closed because of a defect", s.RoomPanics)
	total(m, "presence_db_queries_total", "database queries", s.Queries)
	gauge(m, "presence_calls", "calls that go on", s.Calls)
	gauge(m, "presence_call_peers", "accounts in calls", s.Peers)
	total(m, "presence_call_events_relayed_total", "events from peer to peer of a call", s.Relayed)
	if s.TURN != nil {
		m.watchTURN(s.TURN)
	}
	if up := s.FriendCoreUp; up != nil {
		gauge(m, "presence_friendcore_up", "1 while FriendCore's service connection is registered", func() int {
			if up() {
				return 1
			}
			return 0
		})
	}
	total(m, "presence_friendcore_sync_errors_total", "lists of users or workgroups that could not be read or stored", s.SyncErrors)
	total(m, "presence_notifications_sent_total", "notifications that FriendCore took", s.NotificationsSent)
	total(m, "presence_notifications_lost_total", "notifications given up", s.NotificationsLost)
}

func (m *Metrics) watchTURN(t *TURN) {
	gauge(m, "presence_turn_relays", "open relays of the built-in TURN server", t.Allocations)
	total(m, "presence_turn_relays_total", "relays so far", t.AllocationsTotal)
	total(m, "presence_turn_packets_total", "packets through relays", t.PacketsRelayed)
	total(m, "presence_turn_bytes_total", "bytes through relays", t.BytesRelayed)
	for reason, read := range map[string]func() uint64{
		"credentials": t.RefusedLogins, "quota": t.RefusedQuota, "peer": t.RefusedPeers, "rate": t.RefusedRate, "malformed": t.Malformed,
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "presence_turn_refused_total", Help: "what the built-in TURN server refused",
			ConstLabels: prometheus.Labels{"reason": reason},
		}, func() float64 { return float64(read()) }))
	}
}

func (m *Metrics) watchSessions(count func() int) {
	gauge(m, "presence_sessions", "accounts with a session, lost ones included", count)
}

func gauge(m *Metrics, name, help string, read func() int) {
	if read != nil {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(read()) }))
	}
}

func total(m *Metrics, name, help string, read func() uint64) {
	if read != nil {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return float64(read()) }))
	}
}

func (m *Metrics) drop(r dropReason)   { m.drops[r].Inc() }
func (m *Metrics) login(r loginResult) { m.logins[r].Inc() }

// transportMetrics counts the connections of one transport.
type transportMetrics struct {
	open  prometheus.Gauge
	total prometheus.Counter
}

func (t *transportMetrics) opened() { t.total.Inc(); t.open.Inc() }
func (t *transportMetrics) closed() { t.open.Dec() }
