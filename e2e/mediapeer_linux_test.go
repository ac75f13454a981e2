package e2e

import (
	"encoding/json"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// mediaPeer is a user in a call with one WebRTC connection to each other peer, over
// which it sends sound and pictures.
type mediaPeer struct {
	*user
	now    atomic.Pointer[user] // the same user, by the connection of this moment
	room   string
	conf   object // liveConf of open
	tracks []*webrtc.TrackLocalStaticRTP
	links  map[string]*mediaLink // by peer id; not changed after connectMedia
	stop   chan struct{}
	tasks  sync.WaitGroup
}

// mediaLink is the connection to one peer. Only the signaling goroutine touches early.
type mediaLink struct {
	pc           *webrtc.PeerConnection
	early        []webrtc.ICECandidateInit // came before the description
	order        sync.Mutex                // a description goes out before its candidates
	audio, video atomic.Int64              // packets that arrived
}

// mediaChoice is how a peer differs from a browser of today.
type mediaChoice struct {
	ignorePolicy bool     // an old client: it shows all its candidates
	urls         []string // instead of those of open
	ips          []string // where it is; else clientIP
}

// joinMedia joins the call and makes the tracks.
func joinMedia(t *testing.T, u *user, room string) *mediaPeer {
	t.Helper()
	m := &mediaPeer{user: u, room: room, links: map[string]*mediaLink{}, stop: make(chan struct{})}
	m.now.Store(u)
	u.toRoom(room, object{"type": "live-join", "data": object{"clientId": "lc-" + u.login, "features": list{"ice-restart"}}})
	f := u.expect(u.inRoom(room, object{"type": "live", "data": object{"type": "open", "data": object{"clientId": "lc-" + u.login}}}))
	m.conf, _ = dig(f, "data", "data", "data", "data", "data", "live", "liveConf").(object)
	for _, mime := range []string{webrtc.MimeTypeOpus, webrtc.MimeTypeVP8} {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, mime[:5], u.id)
		if err != nil {
			t.Fatal(err)
		}
		m.tracks = append(m.tracks, track)
	}
	return m
}

// connectMedia links every peer with every other one; the lower account id offers.
func connectMedia(t *testing.T, choices map[string]mediaChoice, peers ...*mediaPeer) {
	t.Helper()
	for _, m := range peers {
		for _, other := range peers {
			if other != m {
				m.link(t, other.id, choices[m.login])
			}
		}
	}
	for _, m := range peers {
		m.tasks.Go(func() { m.signal(m.user) })
		m.tasks.Go(m.feed)
		t.Cleanup(m.end)
	}
	for _, m := range peers {
		for id, l := range m.links {
			if m.id < id {
				m.offer(id, l, nil)
			}
		}
	}
}

// resumed goes on by another connection.
func (m *mediaPeer) resumed(u *user) {
	m.now.Store(u)
	m.tasks.Go(func() { m.signal(u) })
}

func (m *mediaPeer) link(t *testing.T, id string, choice mediaChoice) {
	t.Helper()
	var engine webrtc.SettingEngine
	engine.SetIPFilter(func(ip net.IP) bool {
		return ip.String() == clientIP && choice.ips == nil || slices.Contains(choice.ips, ip.String())
	})
	engine.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(engine), webrtc.WithMediaEngine(media)).NewPeerConnection(m.configuration(choice))
	if err != nil {
		t.Fatal(err)
	}
	l := &mediaLink{pc: pc}
	m.links[id] = l
	for _, track := range m.tracks {
		if _, err := pc.AddTrack(track); err != nil {
			t.Fatal(err)
		}
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c != nil {
			l.order.Lock()
			defer l.order.Unlock()
			m.tell(id, "candidate", c.ToJSON())
		}
	})
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		count := &l.audio
		if track.Kind() == webrtc.RTPCodecTypeVideo {
			count = &l.video
		}
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return // the connection was closed
			}
			count.Add(1)
		}
	})
}

// configuration is what open says, as a browser takes it.
func (m *mediaPeer) configuration(choice mediaChoice) webrtc.Configuration {
	conf := webrtc.Configuration{ICEServers: iceServers(m.conf["ICE"], choice)}
	if (m.conf["iceTransportPolicy"] == "relay" && !choice.ignorePolicy) || choice.urls != nil {
		conf.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	return conf
}

// iceServers is a list of servers as the wire has it.
func iceServers(wire any, choice mediaChoice) (all []webrtc.ICEServer) {
	servers, _ := wire.(list)
	for _, server := range servers {
		var s webrtc.ICEServer
		urls, _ := dig(server, "urls").(list)
		for _, u := range urls {
			url, _ := u.(string)
			s.URLs = append(s.URLs, url)
		}
		if choice.urls != nil {
			s.URLs = choice.urls
		}
		s.Username, _ = dig(server, "username").(string)
		s.Credential, _ = dig(server, "credential").(string)
		all = append(all, s)
	}
	return all
}

// tell sends a part of the handshake to a peer. The connection may be gone.
func (m *mediaPeer) tell(id, kind string, data any) {
	_ = m.now.Load().trySend(m.inRoom(m.room, object{"type": "live", "data": object{
		"type": id, "data": object{"type": "webrtc-stream", "data": object{"type": kind, "data": data}},
	}}))
}

func (m *mediaPeer) offer(id string, l *mediaLink, options *webrtc.OfferOptions) {
	l.order.Lock()
	defer l.order.Unlock()
	sdp, err := l.pc.CreateOffer(options)
	if err == nil {
		err = l.pc.SetLocalDescription(sdp)
	}
	if err != nil {
		m.t.Errorf("%s offers: %v", m.login, err)
		return
	}
	m.tell(id, "sdp", sdp)
}

// restart does what the server asks for.
func (m *mediaPeer) restart(data any) {
	ids, _ := dig(data, "peerIds").(list)
	for _, id := range ids {
		id, _ := id.(string)
		l := m.links[id]
		if l == nil {
			m.t.Errorf("%s is to restart with %s", m.login, id)
			continue
		}
		conf := l.pc.GetConfiguration()
		conf.ICEServers = iceServers(dig(data, "ICE"), mediaChoice{})
		if err := l.pc.SetConfiguration(conf); err != nil {
			m.t.Errorf("%s takes new servers: %v", m.login, err)
		}
		m.offer(id, l, &webrtc.OfferOptions{ICERestart: true})
	}
}

// signal handles what the server sends by a connection, until that or the peer ends.
func (m *mediaPeer) signal(u *user) {
	for next := 0; ; {
		u.mu.Lock()
		frames, more, ended := u.frames[next:], u.more, u.ended
		u.mu.Unlock()
		for _, f := range frames {
			m.handle(f)
		}
		next += len(frames)
		if len(frames) > 0 {
			continue
		}
		if ended != nil {
			return
		}
		select {
		case <-more:
		case <-m.stop:
			return
		}
	}
}

func (m *mediaPeer) handle(f frame) {
	live, _ := dig(f, "data", "data", "data", "data").(object)
	switch {
	case dig(f, "data", "data", "type") != m.room:
		return
	case live["type"] == "ping":
		_ = m.now.Load().trySend(m.inRoom(m.room, object{"type": "live", "data": object{"type": "pong", "data": live["data"]}}))
		return
	case live["type"] == "ice-restart":
		m.restart(live["data"])
		return
	}
	from, _ := live["type"].(string)
	l := m.links[from]
	if l == nil || dig(live, "data", "type") != "webrtc-stream" {
		return
	}
	text, err := json.Marshal(dig(live, "data", "data", "data"))
	if err == nil {
		switch dig(live, "data", "data", "type") {
		case "sdp":
			err = m.described(from, l, text)
		case "candidate":
			err = l.candidate(text)
		}
	}
	if err != nil {
		m.t.Errorf("%s cannot use %s of %s: %v", m.login, show(live["data"]), from, err)
	}
}

// described takes the other side's description, and answers an offer.
func (m *mediaPeer) described(from string, l *mediaLink, text []byte) error {
	var sdp webrtc.SessionDescription
	if err := json.Unmarshal(text, &sdp); err != nil {
		return err
	}
	if err := l.pc.SetRemoteDescription(sdp); err != nil {
		return err
	}
	for _, c := range l.early {
		if err := l.pc.AddICECandidate(c); err != nil {
			return err
		}
	}
	l.early = nil
	if sdp.Type != webrtc.SDPTypeOffer {
		return nil
	}
	l.order.Lock()
	defer l.order.Unlock()
	answer, err := l.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := l.pc.SetLocalDescription(answer); err != nil {
		return err
	}
	m.tell(from, "sdp", answer)
	return nil
}

func (l *mediaLink) candidate(text []byte) error {
	var c webrtc.ICECandidateInit
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	if l.pc.RemoteDescription() == nil {
		l.early = append(l.early, c)
		return nil
	}
	return l.pc.AddICECandidate(c)
}

// feed sends packets on both tracks; before a connection stands they go nowhere.
func (m *mediaPeer) feed() {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for n := uint16(0); ; n++ {
		for k, track := range m.tracks {
			step := []uint32{960, 1800}[k] // 20 ms at 48 kHz and at 90 kHz
			p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SequenceNumber: n, Timestamp: uint32(n) * step}, Payload: []byte{0x10, 0, 0, 0, 0x9D, 1, 0x2A, 16, 0, 16, 0}}
			_ = track.WriteRTP(p) // a connection that closes is no failure
		}
		select {
		case <-ticker.C:
		case <-m.stop:
			return
		}
	}
}

func (m *mediaPeer) end() {
	close(m.stop)
	for _, l := range m.links {
		_ = l.pc.GracefulClose()
	}
	m.tasks.Wait()
}

// awaitMedia waits until 10 more packets of each kind have come over every link.
func awaitMedia(t *testing.T, peers ...*mediaPeer) {
	t.Helper()
	for _, m := range peers {
		for id, l := range m.links {
			audio, video := l.audio.Load()+10, l.video.Load()+10
			poll(t, func() bool { return l.audio.Load() >= audio && l.video.Load() >= video }, func() string {
				return m.login + " gets no media of " + id + ": " + l.pc.ICEConnectionState().String()
			})
		}
	}
}

// pair is the pair of candidates that the link uses; nil: none, while ICE begins anew.
func (l *mediaLink) pair(t *testing.T) *webrtc.ICECandidatePair {
	t.Helper()
	p, err := l.pc.GetSenders()[0].Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil {
		t.Fatal(err)
	}
	return p
}
