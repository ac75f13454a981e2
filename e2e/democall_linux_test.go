package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// newCallDemo is a demo whose browser has devices that make a moving picture and a beep
// each second, and that every page may use.
func newCallDemo(t *testing.T) *demo {
	t.Helper()
	return newDemo(t,
		chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
	)
}

// watcher notes what the page does in calls, from the moment when it is evaluated:
// sockets that may be cut, connections, devices; and it looks at pictures.
const watcher = `(() => {
	const w = window.watched = {sockets: [], connections: [], heard: [], devices: [], cut: false, seen: {}, levels: {}};
	window.WebSocket = class extends WebSocket {
		constructor(...args) {
			super(...args);
			w.sockets.push(this);
			this.addEventListener('open', () => w.cut && this.close());
			this.addEventListener('message', e => w.heard.push(String(e.data)));
		}
	};
	window.RTCPeerConnection = class extends RTCPeerConnection {
		constructor(...args) { super(...args); w.connections.push(this); }
	};
	const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
	navigator.mediaDevices.getUserMedia = async wanted => {
		const stream = await ask(wanted);
		w.devices.push(...stream.getTracks());
		return stream;
	};
	w.cutOff = now => { w.cut = now; if (now) w.sockets.forEach(s => s.close()); };
	w.forget = () => { w.seen = {}; w.levels = {}; return true; };
	// moves is true when a picture is not dark and another one than when it was asked last.
	w.moves = (video, n) => {
		if (!video.videoWidth) return false;
		const canvas = document.createElement('canvas');
		canvas.width = 64; canvas.height = 36;
		const drawing = canvas.getContext('2d');
		drawing.drawImage(video, 0, 0, 64, 36);
		const pixels = drawing.getImageData(0, 0, 64, 36).data;
		let light = 0, sum = 0;
		for (let n = 0; n < pixels.length; n += 4) {
			light += pixels[n] + pixels[n + 1] + pixels[n + 2];
			sum = (sum * 31 + pixels[n] + 7 * pixels[n + 1] + 13 * pixels[n + 2]) % 1000003;
		}
		const before = w.seen[n];
		w.seen[n] = sum;
		return light / (64 * 36 * 3) > 20 && before !== undefined && before !== sum;
	};
	// sees is true when that is so with the pictures of so many others.
	w.sees = count => {
		const videos = [...document.querySelectorAll('.tile.visible[data-peer] video')];
		return videos.length === count && videos.map(w.moves).every(Boolean);
	};
	// hears is true when more sound has come by an open connection than when it was asked first.
	w.hears = () => {
		w.connections.forEach((pc, n) => pc.connectionState !== 'closed' && pc.getStats().then(stats => stats.forEach(s => {
			if (s.type === 'inbound-rtp' && s.kind === 'audio') (w.levels[n + s.id] ??= []).push(s.totalAudioEnergy || 0);
		})));
		return Object.values(w.levels).some(all => all[all.length - 1] > all[0]);
	};
	// pairs lists what the connections go by: the kinds of both ends.
	w.pairs = async () => {
		const found = [];
		for (const pc of w.connections) {
			const stats = await pc.getStats();
			for (const t of stats.values()) {
				const pair = t.type === 'transport' && stats.get(t.selectedCandidatePairId);
				if (pair) found.push(stats.get(pair.localCandidateId).candidateType + '/' + stats.get(pair.remoteCandidateId).candidateType);
			}
		}
		return found;
	};
	return true;
})()`

// watch begins to watch; before the page opens a socket, if that is to be cut.
func (w *window) watch() {
	w.t.Helper()
	w.await("the watcher", watcher)
}

// seesAndHears waits until frames of one other and sounds come that are newer than this
// call.
func (w *window) seesAndHears() {
	w.t.Helper()
	w.await("older frames to be forgotten", "watched.forget()")
	w.await("moving frames", "watched.sees(1)")
	w.await("sound", "watched.hears()")
}

// joinCall presses the button in the room's header.
func (w *window) joinCall(words string) {
	w.t.Helper()
	w.awaitText(".call-button", words)
	w.click(".call-button")
	w.await("the call", "document.querySelector('.call-place .tile.own.visible')")
}

// leaveCall leaves, and gives the devices back.
func (w *window) leaveCall() {
	w.t.Helper()
	w.click(".call-leave")
	w.await("the call to be over", "!document.querySelector('.call')")
	w.await("the devices to be given back", "watched.devices.length > 0 && watched.devices.every(t => t.readyState === 'ended')")
}

// ask evaluates an expression.
func ask[T any](w *window, expression string) T {
	w.t.Helper()
	got, err := chromedp.Run(w.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		w.t.Fatalf("%s: %s: %v", w.name, expression, err)
	}
	return got
}

// heardLeave says whether the server told that somebody left the call.
func (w *window) heardLeave() bool {
	w.t.Helper()
	return ask[bool](w, `watched.heard.some(m => m.includes('"live"') && m.includes('"leave"'))`)
}

// shoot takes pictures of a window, large and as on a phone, into the folder that the
// environment names.
func (w *window) shoot(name string) {
	w.t.Helper()
	folder := os.Getenv("PRESENCE_TEST_SCREENSHOTS")
	if folder == "" {
		return
	}
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1280, 800}, {"phone", 390, 844}} {
		w.do(chromedp.EmulateViewport(size.width, size.height))
		picture, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			w.t.Fatalf("%s: %v", w.name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, name+"-"+size.name+".png"), picture, 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	w.do(chromedp.EmulateViewport(1280, 800))
}

// openWatched opens the page for somebody, with a watcher.
func (d *demo) openWatched(name, login string) *window {
	d.t.Helper()
	w := d.open(name, "/")
	w.await("the people", "document.querySelector('[data-login]')")
	w.watch()
	w.signIn(login)
	return w
}

// callRoom is a room of Alice's that Bob is in, too.
func callRoom(alice, bob *window) {
	alice.makeRoom()
	alice.add("Bob Example")
	bob.enter("Alice Example’s room")
}

// callOfTwo is a demo with a room in which Alice and Bob are.
func callOfTwo(t *testing.T) (d *demo, alice, bob *window) {
	t.Helper()
	d = newCallDemo(t)
	alice, bob = d.openWatched("Alice", "alice"), d.openWatched("Bob", "bob")
	callRoom(alice, bob)
	return d, alice, bob
}

// TestDemoCall is a call of two people from its beginning to its end, with a lost
// connection to the server and a reload of the page on the way.
func TestDemoCall(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	_, alice, bob := callOfTwo(t)

	alice.joinCall("Start a call")
	alice.awaitText(".call-status", "Nobody else is in the call yet")
	bob.awaitText(".notice-stack .sr-only", "Alice started a call.")
	bob.awaitText(".call-strip", "Alice is in a call")
	alice.shoot("alone")
	bob.shoot("invited")
	bob.joinCall("Join the call(1)")
	alice.awaitText(".notice-stack .sr-only", "Bob joined the call.")
	alice.seesAndHears()
	bob.seesAndHears()
	alice.shoot("call")

	// What one of them switches off the other one sees.
	bob.click(".call-toggle[aria-label=Microphone]")
	bob.await("the button to be up", "document.querySelector('.call-toggle[aria-label=Microphone]').ariaPressed === 'false'")
	alice.await("Bob to be muted", "document.querySelector('.tile[data-peer] .tile-mute:not([hidden])')")
	bob.click(".call-toggle[aria-label=Camera]")
	bob.await("the camera to be given back", "watched.devices.filter(t => t.kind === 'video').every(t => t.readyState === 'ended')")
	alice.await("Bob's picture to go", "!document.querySelector('.tile[data-peer].visible')")
	alice.shoot("muted")
	bob.click(".call-toggle[aria-label=Microphone]")
	bob.click(".call-toggle[aria-label=Camera]")
	alice.await("Bob to be heard", "document.querySelector('.tile[data-peer] .tile-mute[hidden]')")
	alice.seesAndHears()

	// The websocket is lost, and cannot be had again for a while: the media go on. When it
	// is back, new ways are looked for, as Bob may be in another network.
	const credentials = "watched.connections[0].currentLocalDescription.sdp.match(/ice-ufrag:(.+)/)[1]"
	before := ask[string](alice, credentials) + ask[string](bob, credentials)
	bob.await("the cut", "(watched.cutOff(true), true)")
	bob.awaitText(".call-status", "The connection to the server is lost")
	alice.seesAndHears()
	bob.seesAndHears()
	bob.shoot("offline")
	bob.await("the end of the cut", "(watched.cutOff(false), true)")
	bob.awaitBack()
	bob.await("the call to know it", "document.querySelector('.call-status').textContent === ''")
	bob.await("the ICE restart", "watched.connections[0].signalingState === 'stable' && !"+js(before)+".endsWith("+credentials+")")
	alice.await("the ICE restart", "!"+js(before)+".startsWith("+credentials+")")
	alice.seesAndHears()
	bob.seesAndHears()
	for _, w := range []*window{alice, bob} {
		if n := ask[int](w, "watched.connections.length"); n != 1 {
			t.Errorf("%s: %d peer connections were made, want 1", w.name, n)
		}
		if state := ask[string](w, "watched.connections[0].connectionState"); state != "connected" {
			t.Errorf("%s: the connection is %s", w.name, state)
		}
		if w.heardLeave() {
			t.Errorf("%s was told that somebody left the call", w.name)
		}
	}
	alice.say("Still here?")
	bob.sees("Still here?")

	bob.do(chromedp.Reload())
	alice.awaitText(".call-status", "Nobody else is in the call yet")
	bob.awaitSignedIn()
	bob.watch()
	bob.joinCall("Join the call(1)")
	alice.seesAndHears()
	bob.seesAndHears()

	bob.leaveCall()
	alice.await("Bob's tile to go", "!document.querySelector('.tile[data-peer]')")
	alice.awaitText(".call-status", "Nobody else is in the call yet")
	alice.leaveCall()
	for _, w := range []*window{alice, bob} {
		w.awaitText(".call-button", "Start a call")
	}
}

// TestDemoCallByKeyboard does without a mouse.
func TestDemoCallByKeyboard(t *testing.T) {
	d := newCallDemo(t)
	w := d.open("Alice", "/")
	w.signIn("alice")
	w.makeRoom()
	w.tabTo("Start a call")
	w.press(kb.Enter)
	w.await("the call", "document.querySelector('.call-place .tile.own.visible')")
	for _, want := range []string{"false", "true"} {
		w.await("the microphone to have the focus", "document.activeElement.ariaLabel === 'Microphone'")
		w.press(" ")
		w.await("the microphone to be switched", "document.activeElement.ariaPressed === "+js(want))
	}
	w.tabTo("Leave call")
	w.press(kb.Enter)
	w.await("the call to be over", "!document.querySelector('.call')")
	if at := w.focused(); at != "Start a call" {
		t.Errorf("after the call the focus is at %q", at)
	}
}

// TestDemoCallHidden: the owner hides addresses, and the media go through the server.
func TestDemoCallHidden(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	_, alice, bob := callOfTwo(t)
	if ask[bool](bob, "document.querySelector('.aside .choice:not([hidden])') !== null") {
		t.Error("Bob is offered a setting that is not his")
	}
	alice.click(".aside .choice input")
	alice.await("the setting", "document.querySelector('.aside .choice input:checked:not(:disabled)')")
	alice.joinCall("Start a call")
	bob.joinCall("Join the call(1)")
	alice.seesAndHears()
	bob.seesAndHears()
	alice.shoot("hidden")
	for _, w := range []*window{alice, bob} {
		w.awaitText(".call-hidden:not([hidden])", "Addresses are hidden")
		if pairs := fmt.Sprint(ask[[]string](w, "watched.pairs()")); pairs != "[relay/relay]" {
			t.Errorf("%s: the media go by %s, want relay/relay", w.name, pairs)
		}
		if ask[bool](w, `watched.heard.some(m => m.includes(`+js(clientIP)+`) || m.includes(`+js(serverIP)+`))`) {
			t.Errorf("%s learned an address", w.name)
		}
	}
}

// TestDemoCallMoves: a call goes on in the window that joined last, and in another room
// it stays within reach.
func TestDemoCallMoves(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	d, alice, bob := callOfTwo(t)
	alice.joinCall("Start a call")
	bob.joinCall("Join the call(1)")
	alice.seesAndHears()

	again := d.openWatched("Bob again", "bob")
	again.enter("Alice Example’s room")
	again.joinCall("Join the call(2)")
	bob.awaitText(".notice", "The call goes on in another window of yours.")
	bob.await("the call to be over here", "!document.querySelector('.call')")
	alice.seesAndHears()
	again.seesAndHears()
	if alice.heardLeave() {
		t.Error("Alice was told that somebody left the call")
	}

	// Alice looks at another room; what she hears goes on.
	alice.makeRoom()
	alice.awaitText(".call-corner .call-title strong", "Alice Example’s room")
	alice.shoot("corner")
	alice.await("older sounds to be forgotten", "watched.forget()")
	alice.await("sound", "watched.hears() && !document.querySelector('.tile[data-peer] video').paused")
	alice.click(".call-corner .call-title")
	alice.await("the call beside its room", "document.querySelector('.call-place .call:not(.mini)')")
	alice.seesAndHears()
}

// TestDemoCallComesBack: a browser that was away for so long that the others saw it
// leave takes its place again; after a restart of the server all of them do, and the
// media never stop.
func TestDemoCallComesBack(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	d, alice, bob := callOfTwo(t)
	alice.click(".room-header .primary")
	alice.press("Harbor plans" + kb.Enter)
	bob.awaitText(".room h1", "Harbor plans")
	alice.joinCall("Start a call")
	bob.joinCall("Join the call(1)")
	alice.seesAndHears()
	bob.seesAndHears()

	d.stop()
	for _, w := range []*window{alice, bob} {
		w.awaitText(".call-status", "The connection to the server is lost")
		w.seesAndHears()
	}
	d.start()
	alice.awaitBack()
	bob.awaitBack()
	for _, w := range []*window{alice, bob} {
		w.await("the call to know it", "document.querySelector('.call-status').textContent === ''")
		w.seesAndHears()
		if n := ask[int](w, "watched.connections.length"); n != 1 {
			t.Errorf("%s: %d peer connections were made, want 1", w.name, n)
		}
	}

	bob.await("the cut", "(watched.cutOff(true), true)")
	alice.await("Bob's tile to go", "!document.querySelector('.tile[data-peer]')")
	bob.await("the end of the cut", "(watched.cutOff(false), true)")
	bob.awaitBack()
	bob.await("the call to know it", "document.querySelector('.call-status').textContent === ''")
	alice.seesAndHears()
	bob.seesAndHears()
}

// oldClient takes part in the call of the open room as a Friend Chat browser of today
// does, with the page's socket: a plain live id, stamps, negotiation by request, offers
// that must not cross. Its stamp says whether it is host. What it sees and hears is
// shown as the page would.
const oldClient = `((stamp, video = true) => {
	const socket = watched.sockets[watched.sockets.length - 1];
	const room = location.hash.match(/room=([^&]+)/)[1];
	const me = watched.heard.map(m => JSON.parse(m)).find(m => m.data?.type === 'account' && m.data.data?.type === 'login').data.data.data;
	const toRoom = event => socket.send(JSON.stringify({type: 'msg', data: {type: me, data: {type: room, data: event}}}));
	const live = (type, data) => toRoom({type: 'live', data: {type, data}});
	const peers = {};
	let conf, devices;
	const meet = id => {
		if (id === me || peers[id]) return;
		const p = peers[id] = {host: null, pc: null, offering: false, problems: []};
		const say = (type, data) => live(id, {type, data});
		const signal = (type, data) => say('webrtc-stream', {type, data});
		const sync = () => p.host === null && say('sync', stamp);
		p.timer = setInterval(sync, 2000);
		sync();
		const settle = remote => {
			if (p.host !== null) return;
			p.host = stamp < remote;
			if (!p.host) say('open');
		};
		const meta = () => say('meta', {browser: 'chrome', sending: {audio: true, video}, receive: {audio: true, video: true},
			state: {isMuted: false, isBlinded: false, screenMode: 'contain', screenShare: false, useDefaultCodec: false}});
		const offer = async () => {
			p.offering = true;
			const o = await p.pc.createOffer();
			await p.pc.setLocalDescription(o);
			signal('sdp', {type: o.type, sdp: o.sdp});
		};
		const connect = () => {
			p.pc = new RTCPeerConnection({iceServers: conf.ICE});
			p.pc.onicecandidate = e => signal('candidate', e.candidate);
			p.pc.onnegotiationneeded = () => p.host ? offer() : signal('negotiate', 'request');
			p.pc.ontrack = e => {
				const tile = document.createElement('li');
				tile.className = 'tile visible old';
				tile.dataset.peer = id;
				const picture = document.createElement('video');
				picture.autoplay = true;
				if (e.track.kind === 'video') tile.append(picture), document.body.append(tile);
				picture.srcObject = new MediaStream([e.track]);
			};
			devices.getTracks().forEach(t => p.pc.addTrack(t, devices));
			say('tracks-available', {audio: true, video});
		};
		const takeSDP = async sdp => {
			if (sdp.type === 'offer' && p.pc.signalingState !== 'stable') return p.problems.push('offers cross');
			await p.pc.setRemoteDescription(sdp);
			p.offering = false;
			if (sdp.type === 'answer') return;
			const a = await p.pc.createAnswer();
			await p.pc.setLocalDescription(a);
			signal('sdp', {type: a.type, sdp: a.sdp});
		};
		p.receive = ({type, data}) => {
			if (type === 'sync') { if (p.host === null) { say('sync-accept', [stamp, data]); settle(data); } }
			else if (type === 'sync-accept') settle(data[0] === stamp ? data[1] : data[0]);
			else if (type === 'open') meta();
			else if (type === 'meta') { if (!p.host) meta(); connect(); }
			else if (type === 'webrtc-stream' && data.type === 'sdp') takeSDP(data.data).catch(e => p.problems.push(String(e)));
			else if (type === 'webrtc-stream' && data.type === 'candidate') data.data && p.pc.addIceCandidate(data.data).catch(e => p.problems.push(String(e)));
			else if (type === 'webrtc-stream' && data.type === 'negotiate') {
				if (data.data === 'accept') offer();
				else if (data.data === 'deny') setTimeout(() => signal('negotiate', 'request'), 3000);
				else signal('negotiate', p.pc.signalingState === 'stable' && !p.offering ? 'accept' : 'deny');
			}
		};
	};
	socket.addEventListener('message', e => {
		const event = JSON.parse(e.data)?.data?.data;
		if (event?.type !== room || event.data?.type !== 'live') return;
		const {type, data} = event.data.data;
		if (type === 'ping') live('pong', data);
		else if (type === 'open') { conf = data.live.liveConf; conf.peerList.forEach(meet); }
		else if (type === 'join' && conf) meet(data.peerId);
		else peers[type]?.receive(data);
	});
	window.old = {peers, live, leave: () => {
		live('leave');
		Object.values(peers).forEach(p => (clearInterval(p.timer), p.pc?.close()));
		devices.getTracks().forEach(t => t.stop());
		document.querySelectorAll('.tile.old').forEach(t => t.remove());
	}};
	navigator.mediaDevices.getUserMedia({audio: true, video}).then(got => {
		devices = got;
		toRoom({type: 'live-join', data: 'lc-old-' + stamp});
	});
	return true;
})`

// rawCarol is in the room of the others, and in no call.
func rawCarol(d *demo, alice *window) *window {
	d.t.Helper()
	carol := d.openWatched("Carol", "carol")
	alice.click(".aside .row-button")
	alice.click(`dialog [aria-label="Add Carol Example"]`)
	alice.awaitText("dialog", "Carol Example is in the room now.")
	alice.press(kb.Escape)
	alice.await("the dialog to close", "!document.querySelector('dialog')")
	carol.enter("Alice Example’s room")
	return carol
}

// TestDemoCallOldClient: the page and a client that speaks as Friend Chat does see and
// hear each other, whichever of them is host.
func TestDemoCallOldClient(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	d, alice, _ := callOfTwo(t)
	carol := rawCarol(d, alice)
	alice.joinCall("Start a call")
	for _, stamp := range []string{"1", "9e15"} {
		carol.await("the old client", oldClient+"("+stamp+")")
		alice.seesAndHears()
		carol.seesAndHears()
		if host := ask[bool](carol, "Object.values(old.peers)[0].host"); host != (stamp == "1") {
			t.Errorf("with the stamp %s the old client is host: %v", stamp, host)
		}
		if problems := ask[[]string](carol, "Object.values(old.peers)[0].problems"); len(problems) != 0 {
			t.Errorf("with the stamp %s: %q", stamp, problems)
		}
		carol.await("the mute to be said", "(Object.keys(old.peers).forEach(id => old.live(id, {type: 'mute', data: true})), true)")
		alice.await("Carol to be muted", "document.querySelector('.tile[data-peer] .tile-mute:not([hidden])')")
		carol.await("the old client to leave", "(old.leave(), true)")
		alice.await("Carol's tile to go", "!document.querySelector('.tile[data-peer]')")
	}
}

// TestDemoCallOldClientWithoutCamera: the old client is host and offers sound alone; the
// page asks it for a negotiation, and shows its picture then.
func TestDemoCallOldClientWithoutCamera(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	d, alice, _ := callOfTwo(t)
	carol := rawCarol(d, alice)
	alice.joinCall("Start a call")
	carol.await("the old client", oldClient+"(1, false)")
	carol.seesAndHears()
	alice.await("sound", "watched.hears()")
	alice.await("Carol's tile without a picture", "document.querySelector('.tile[data-peer]:not(.visible, .waiting)')")
	if problems := ask[[]string](carol, "Object.values(old.peers)[0].problems"); len(problems) != 0 {
		t.Errorf("%q", problems)
	}
}

// hostileEvents are what a peer may say and no browser would: everything of the wrong
// kind, too much, in the wrong order, over and over.
const hostileEvents = `(async () => {
	const values = [null, true, 0, -1, 1e308, '', 'x', '<img src=x onerror=alert(1)>', [], [1], [null, null], {}, {type: 'sdp'}, 'y'.repeat(60000),
		{type: 'sdp', data: {type: 'offer', sdp: 'v=0'}}, {type: 'sdp', data: {type: 'answer', sdp: 'v=0\r\n'}}, {type: 'sdp', data: {type: 'rollback', sdp: ''}},
		{type: 'candidate', data: {candidate: 'candidate:x', sdpMid: 'nine', sdpMLineIndex: 65535}}, {type: 'candidate', data: {candidate: 'z'.repeat(5000)}},
		{type: 'candidate', data: null}, {type: 'negotiate', data: 'request'}, {type: 'negotiate', data: 'accept'}, {type: '__proto__', data: {}}];
	const types = ['sync', 'sync-accept', 'open', 'meta', 'webrtc-stream', 'restart', 'stop', 'refresh', 'tracks-available', 'mute', 'blind', 'close', '__proto__', ''];
	let sent = 0;
	const ids = Object.keys(old.peers);
	for (const type of types) for (const data of values) for (const id of ids) {
		old.live(id, {type, data});
		if (++sent % 50 === 0) await new Promise(done => setTimeout(done, 60));
	}
	for (const data of values) for (const id of ids) old.live(id, data);
	for (let n = 0; n < 100; n++) for (const id of ids) old.live(id, {type: 'webrtc-stream', data: {type: 'candidate', data: {candidate: 'candidate:1 1 udp 1 5.9.9.1 9 typ host', sdpMid: '0'}}});
	for (const id of ids) old.live(id, {type: 'fence', data: null});
	return sent > 500;
})()`

// TestDemoCallHostilePeer: whatever one peer says, the call of the others goes on.
func TestDemoCallHostilePeer(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	d, alice, bob := callOfTwo(t)
	carol := rawCarol(d, alice)
	alice.joinCall("Start a call")
	bob.joinCall("Join the call(1)")
	alice.seesAndHears()
	carol.await("the old client", oldClient+"(5)")
	carol.await("both pictures", "watched.sees(2)")
	if !ask[bool](carol, hostileEvents) {
		t.Error("nothing was said")
	}
	for _, w := range []*window{alice, bob} {
		w.await("the last of it", `watched.heard.some(m => m.includes('"fence"'))`)
	}
	carol.await("the old client to leave", "(old.leave(), true)")
	for _, w := range []*window{alice, bob} {
		w.await("Carol's tile to go", "document.querySelectorAll('.tile[data-peer]').length === 1")
		if n := ask[int](w, "document.querySelectorAll('img[src=x]').length"); n != 0 {
			t.Errorf("%s: a text became an element", w.name)
		}
	}
	alice.seesAndHears()
	bob.seesAndHears()
	if n := ask[int](alice, "watched.connections.filter(pc => pc.connectionState === 'connected').length"); n != 1 {
		t.Errorf("Alice has %d connections, want that to Bob", n)
	}
}

// TestDemoCallOfThree: who has neither microphone nor camera is told so, watches and
// listens; the other two see each other as well.
func TestDemoCallOfThree(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	d := newCallDemo(t)
	poor := *d
	poor.browser = newBrowser(t)
	alice, bob := d.openWatched("Alice", "alice"), poor.openWatched("Bob", "bob")
	callRoom(alice, bob)
	carol := rawCarol(d, alice)

	alice.joinCall("Start a call")
	bob.awaitText(".call-button", "Join the call(1)")
	bob.click(".call-button")
	bob.awaitText(".call-note", "You can watch and listen")
	carol.joinCall("Join the call(2)")
	for _, w := range []*window{alice, carol} {
		w.seesAndHears() // the one who can be seen
		w.await("Bob's tile without a picture", "document.querySelector('.tile[data-peer]:not(.visible, .waiting) .tile-mute:not([hidden])')")
	}
	bob.await("both pictures", "watched.sees(2)")
	bob.await("sound", "watched.hears()")
	alice.shoot("three")
	bob.shoot("without")

	alice.leaveCall()
	bob.await("Carol's picture to go on", "watched.sees(1)")
}
