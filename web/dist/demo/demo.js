"use strict";
(() => {
  // sdk/events.ts
  var Emitter = class {
    #listeners = /* @__PURE__ */ new Map();
    /** on calls listener at each event of this name until the result is called. */
    on(name, listener) {
      const all = this.#listeners.get(name) ?? /* @__PURE__ */ new Set();
      this.#listeners.set(name, all);
      all.add(listener);
      return () => void all.delete(listener);
    }
    /** emit calls the listeners; one that fails does not hinder the others. */
    emit(name, data) {
      for (const listener of [...this.#listeners.get(name) ?? []]) {
        try {
          listener(data);
        } catch (err) {
          queueMicrotask(() => {
            throw err;
          });
        }
      }
    }
  };

  // sdk/types.ts
  function fields(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  }
  function text(value) {
    return typeof value === "string" ? value : null;
  }
  function texts(value) {
    return Array.isArray(value) ? value.filter((v) => typeof v === "string") : [];
  }
  function picture(value) {
    return typeof value === "string" && value.startsWith("data:image/") ? value : null;
  }
  function readFrame(value) {
    const f = fields(value);
    return f && typeof f.type === "string" ? { type: f.type, data: f.data } : null;
  }
  function readReply(value) {
    const f = fields(value);
    if (!f || typeof f.requestId !== "string" || !("response" in f)) return null;
    return { requestId: f.requestId, response: f.response, error: f.error ?? null };
  }
  function readIdentity(value) {
    const f = fields(value);
    if (!f || typeof f.clientId !== "string" || typeof f.name !== "string") return null;
    return {
      clientId: f.clientId,
      name: f.name,
      login: text(f.fUsername),
      avatar: picture(f.avatar),
      isAdmin: f.isAdmin === true,
      isOnline: f.isOnline === true,
      lastUpdate: Number(f.lastUpdate) || 0
    };
  }
  function changedIdentity(old, update) {
    const f = fields(update);
    if (!f || Number(f.lastUpdate) < old.lastUpdate) return null;
    const next = { ...old, lastUpdate: Number(f.lastUpdate) || old.lastUpdate };
    if (f.key === "name" && typeof f.value === "string") next.name = f.value;
    if (f.key === "avatar") next.avatar = picture(f.value);
    if (f.key === "isOnline") next.isOnline = f.value === true;
    return next;
  }
  function readConf(value) {
    const f = fields(value);
    if (!f || typeof f.clientId !== "string") return null;
    return {
      clientId: f.clientId,
      persistent: f.persistent === true,
      name: text(f.name) ?? "",
      avatar: picture(f.avatar)
    };
  }
  function readState(value) {
    const f = fields(value);
    if (!f) return null;
    const relation = fields(f.relation);
    const settings = fields(f.settings);
    return {
      name: text(f.name) ?? "",
      ownerId: text(f.ownerId),
      persistent: f.persistent === true,
      users: texts(f.users),
      admins: texts(f.admins),
      unread: typeof relation?.unreadMessages === "number" ? relation.unreadMessages : null,
      lastMessage: readMessageEvent(relation?.lastMessage),
      peers: f.peers,
      hidesAddresses: typeof settings?.hideAddresses === "boolean" ? settings.hideAddresses : null
    };
  }
  function readMessage(value) {
    const f = fields(value);
    if (!f || typeof f.msgId !== "string" || typeof f.message !== "string" || typeof f.time !== "number") return null;
    return { msgId: f.msgId, fromId: text(f.fromId), name: text(f.name) ?? "", time: f.time, text: f.message };
  }
  function readMessageEvent(value) {
    const f = readFrame(value);
    return f?.type === "msg" ? readMessage(f.data) : null;
  }
  function readLogPage(value) {
    const events = fields(fields(fields(value)?.data)?.data)?.events;
    return Array.isArray(events) ? events.map(readMessageEvent).filter((m) => m !== null) : null;
  }

  // sdk/identities.ts
  var AT_ONCE = 500;
  var Identities = class extends Emitter {
    #ask;
    #known = /* @__PURE__ */ new Map();
    #wanted = /* @__PURE__ */ new Set();
    #asking = false;
    constructor(ask) {
      super();
      this.#ask = ask;
    }
    get(id) {
      return id === null ? void 0 : this.#known.get(id);
    }
    /** want sees to it that these identities become known; change tells when. */
    want(ids) {
      for (const id of ids) if (!this.#known.has(id)) this.#wanted.add(id);
      if (this.#asking || this.#wanted.size === 0) return;
      this.#asking = true;
      queueMicrotask(() => void this.#fetch());
    }
    /** learn takes over an identity that came with something else. */
    learn(value) {
      const identity = readIdentity(value);
      if (identity) {
        this.#known.set(identity.clientId, identity);
        this.emit("change", null);
      }
      return identity;
    }
    /** update takes an identity-update. */
    update(data) {
      const id = fields(data)?.clientId;
      const old = typeof id === "string" ? this.#known.get(id) : void 0;
      const next = old && changedIdentity(old, data);
      if (!next) return;
      this.#known.set(next.clientId, next);
      this.emit("change", null);
    }
    /** refresh asks for what has changed while the connection was away. */
    async refresh() {
      const held = Object.fromEntries([...this.#known].map(([id, i]) => [id, i.lastUpdate]));
      this.want([]);
      if (this.#known.size > 0) this.#learnAll(await this.#ask("refresh", held).catch(() => null));
    }
    async #fetch() {
      const ids = [...this.#wanted].slice(0, AT_ONCE);
      const found = await this.#ask("get-list", ids).catch(() => null);
      this.#asking = false;
      if (found === null) return;
      for (const id of ids) this.#wanted.delete(id);
      this.#learnAll(found);
      this.want([]);
    }
    #learnAll(found) {
      if (!Array.isArray(found)) return;
      for (const value of found) {
        const identity = readIdentity(value);
        if (identity) this.#known.set(identity.clientId, identity);
      }
      this.emit("change", null);
    }
  };

  // sdk/requests.ts
  var OFFLINE = "ERR_OFFLINE";
  var NO_ANSWER = "ERR_NO_ANSWER";
  var Refused = class extends Error {
    constructor(code, message = code) {
      super(message);
      this.code = code;
      this.name = "Refused";
    }
    code;
  };
  var PATIENCE = 25e3;
  var Requests = class {
    #waiting = /* @__PURE__ */ new Map();
    #last = 0;
    /** ask calls send with a new request id; send says whether it could. */
    ask(send) {
      const id = `req-${++this.#last}-${Math.random().toString(36).slice(2, 10)}`;
      return new Promise((resolve, reject) => {
        if (!send(id)) {
          reject(new Refused(OFFLINE));
          return;
        }
        const timer = setTimeout(() => this.#take(id)?.reject(new Refused(NO_ANSWER)), PATIENCE);
        this.#waiting.set(id, { resolve, reject, timer });
      });
    }
    /** settle hands a reply to who asked; other connections' replies are nobody's. */
    settle(reply) {
      const waiting = this.#take(reply.requestId);
      if (!reply.error) waiting?.resolve(reply.response);
      else waiting?.reject(new Refused(typeof reply.error === "string" ? reply.error : "ERR_UNKNOWN"));
    }
    /** dropAll fails everything that waits: its answers cannot come any more. */
    dropAll() {
      for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(new Refused(OFFLINE));
    }
    #take(id) {
      const waiting = this.#waiting.get(id);
      if (waiting) clearTimeout(waiting.timer);
      this.#waiting.delete(id);
      return waiting;
    }
  };

  // sdk/chat.ts
  var CATCH_UP_AGAIN = 3e3;
  var TYPING_AGAIN = 4e3;
  var TYPING_ENDS = 6e3;
  var TYPING_FORGOTTEN = 1e4;
  var PAGE = 100;
  var Chat = class extends Emitter {
    #port;
    #messages = [];
    #ids = /* @__PURE__ */ new Set();
    #outbox = [];
    #lastKey = 0;
    #loaded = false;
    #complete = false;
    #loading = null;
    #connected = false;
    /** everything up to this time is here; behind it there may be gaps */
    #gapless = 0;
    #catchingUp = 0;
    #again;
    #confirmed = "";
    #errorText = null;
    #typists = /* @__PURE__ */ new Map();
    #typingSent = 0;
    #typingEnds;
    constructor(port) {
      super();
      this.#port = port;
    }
    /** The known part of the log, oldest first. */
    get messages() {
      return this.#messages;
    }
    /** Our messages that are not in the log yet, oldest first. */
    get outbox() {
      return this.#outbox;
    }
    /** Whether the newest messages have been read from the server. */
    get loaded() {
      return this.#loaded;
    }
    /** Whether nothing older exists. */
    get complete() {
      return this.#complete;
    }
    get typists() {
      return [...this.#typists.keys()];
    }
    get last() {
      return this.#messages[this.#messages.length - 1];
    }
    /** open reads the newest messages, once. */
    open() {
      if (this.#loaded) return Promise.resolve();
      return this.#once(async () => {
        const page = readLogPage(await this.#port.ask("log", null));
        this.#loaded = true;
        this.#complete = page === null || page.length === 0;
        this.#add(page ?? []);
        this.emit("change", null);
      });
    }
    /** older reads the page before the oldest message. */
    older() {
      const first = this.#messages[0];
      if (!first || this.#complete) return Promise.resolve();
      return this.#once(async () => {
        const page = readLogPage(await this.#port.ask("log", { firstId: first.msgId, firstTime: first.time }));
        this.#complete = page === null || page.length === 0;
        this.#add(page ?? []);
        this.emit("change", null);
      });
    }
    /** once lets one page be read at a time. */
    #once(read) {
      this.#loading ??= read().finally(() => this.#loading = null);
      return this.#loading;
    }
    /** write sends a text, now or when the connection is back. */
    write(words) {
      const outgoing = {
        key: ++this.#lastKey,
        text: words,
        time: Date.now(),
        status: "waiting",
        failure: null,
        unsure: false
      };
      this.#outbox.push(outgoing);
      this.typing(false);
      this.#sendWaiting();
      this.emit("change", null);
    }
    /** retry sends again what has failed. */
    retry(key) {
      for (const o of this.#outbox) if (o.key === key && o.status === "failed") o.status = "waiting";
      this.#sendWaiting();
      this.emit("change", null);
    }
    /** discard gives up what has failed. */
    discard(key) {
      this.#outbox = this.#outbox.filter((o) => o.key !== key || o.status !== "failed");
      this.emit("change", null);
    }
    /** typing tells the others whether we are writing; call it at every key. */
    typing(now) {
      clearTimeout(this.#typingEnds);
      if (now) {
        this.#typingEnds = setTimeout(() => this.typing(false), TYPING_ENDS);
        if (Date.now() - this.#typingSent < TYPING_AGAIN) return;
        if (this.#port.send("state", { type: "set-typing" })) this.#typingSent = Date.now();
      } else if (this.#typingSent > 0) {
        this.#typingSent = 0;
        this.#port.send("state", { type: "clear-typing" });
      }
    }
    /** confirm tells the server that everything up to the newest message is read. */
    confirm() {
      const id = this.last?.msgId;
      if (!id || id === this.#confirmed) return;
      if (this.#port.send("confirm", { type: "message", eventId: id })) this.#confirmed = id;
    }
    /** receive takes a chat event of the room. */
    receive(data) {
      const e = readFrame(data);
      if (e?.type === "msg") this.#written(readMessage(e.data));
      else if (e?.type === "state") this.#typingTold(e.data);
      else if (e?.type === "error") this.#errorTold(e.data);
    }
    /** disconnected keeps what was not confirmed for the next connection. */
    disconnected() {
      this.#connected = false;
      this.#catchingUp++;
      clearTimeout(this.#again);
      this.#typingSent = 0;
      this.#confirmed = "";
      for (const id of this.typists) this.#forgetTypist(id);
      this.emit("change", null);
    }
    /** connected reads what was written meanwhile and sends what waits. */
    async connected() {
      const turn = ++this.#catchingUp;
      clearTimeout(this.#again);
      try {
        if (this.#loaded) await this.#catchUp();
      } catch (err) {
        const offline = err instanceof Refused && err.code === OFFLINE;
        if (!offline && turn === this.#catchingUp) this.#again = setTimeout(() => void this.connected(), CATCH_UP_AGAIN);
        return;
      }
      if (turn !== this.#catchingUp) return;
      this.#connected = true;
      this.#gapless = this.last?.time ?? 0;
      this.#sendWaiting();
      this.emit("change", null);
    }
    async #catchUp() {
      for (let from = this.#gapless, full = true; full; ) {
        const page = readLogPage(await this.#port.ask("log", from ? { lastTime: from, length: PAGE } : null)) ?? [];
        if (from === 0 && page.length > 0) this.#complete = false;
        this.#addNews(page);
        const newest = page[page.length - 1];
        full = page.length >= PAGE && newest !== void 0 && newest.time > from;
        from = newest?.time ?? from;
      }
      this.emit("change", null);
    }
    /** written takes a message that was sent to everybody just now. */
    #written(m) {
      if (!m || this.#ids.has(m.msgId)) return;
      if (m.fromId !== null) this.#forgetTypist(m.fromId);
      this.#addNews([m]);
      if (m.fromId !== this.#port.self) this.emit("message", m);
      this.emit("change", null);
    }
    /** add puts messages in their places, each once. */
    #add(messages) {
      const fresh = messages.filter((m) => !this.#ids.has(m.msgId));
      if (fresh.length === 0) return;
      for (const m of fresh) this.#ids.add(m.msgId);
      const sorted = this.#messages.length === 0 || fresh[0].time > this.#messages[this.#messages.length - 1].time;
      this.#messages = this.#messages.concat(fresh);
      if (!sorted) this.#messages.sort((a, b) => a.time - b.time);
      if (this.#connected || this.#gapless === 0) this.#gapless = this.last?.time ?? 0;
    }
    /** addNews adds messages among which are those that we have sent. */
    #addNews(messages) {
      for (const m of messages) if (!this.#ids.has(m.msgId)) this.#arrived(m);
      this.#add(messages);
    }
    /** arrived finds the outgoing message that a message of ours was. */
    #arrived(m) {
      if (m.fromId === null || m.fromId !== this.#port.self) return;
      const n = this.#outbox.findIndex((o) => o.text === m.text && (o.status === "sending" || o.unsure));
      if (n >= 0) this.#outbox.splice(n, 1);
    }
    #sendWaiting() {
      if (!this.#connected) return;
      for (const o of this.#outbox) if (o.status === "waiting") void this.#send(o);
    }
    async #send(o) {
      o.status = "sending";
      o.failure = null;
      o.unsure = false;
      try {
        const m = readMessageEvent(await this.#port.ask("msg", { message: o.text }));
        this.#outbox = this.#outbox.filter((other) => other !== o);
        this.#add(m ? [m] : []);
      } catch (err) {
        this.#notSent(o, err);
      }
      this.emit("change", null);
    }
    #notSent(o, err) {
      const code = err instanceof Refused ? err.code : "ERR_UNKNOWN";
      o.unsure = code === OFFLINE || code === NO_ANSWER;
      if (code === OFFLINE) {
        o.status = "waiting";
        return;
      }
      o.status = "failed";
      const said = this.#errorText;
      o.failure = { code, text: said && o.text.startsWith(said.message) ? said.text : null };
    }
    /** errorTold keeps the words for the refusal that follows (docs/protocol.md 8.5). */
    #errorTold(data) {
      const f = fields(data);
      const message = text(f?.message);
      const words = text(f?.text);
      if (message !== null && words !== null) this.#errorText = { message, text: words };
    }
    #typingTold(data) {
      const from = text(fields(data)?.fromId);
      const state = readFrame(fields(data)?.state);
      if (from === null || from === this.#port.self) return;
      this.#forgetTypist(from);
      if (state?.type === "set-typing") {
        this.#typists.set(
          from,
          setTimeout(() => this.#forgetTypist(from), TYPING_FORGOTTEN)
        );
        this.emit("typing", null);
      }
    }
    #forgetTypist(id) {
      clearTimeout(this.#typists.get(id));
      if (this.#typists.delete(id)) this.emit("typing", null);
    }
  };

  // sdk/livetypes.ts
  var LONGEST_ID = 191;
  var LONGEST_SDP = 6e4;
  var LONGEST_CANDIDATE = 1e3;
  var LONGEST_URL = 500;
  var MOST_SERVERS = 16;
  var MOST_PEERS = 200;
  function bounded(value, most) {
    const s = text(value);
    return s !== null && s.length > 0 && s.length <= most ? s : null;
  }
  function readId(value) {
    return bounded(value, LONGEST_ID);
  }
  function readIds(value) {
    if (!Array.isArray(value)) return [];
    const ids = value.slice(0, MOST_PEERS).map(readId).filter((id) => id !== null);
    return [...new Set(ids)];
  }
  function readServers(value) {
    if (!Array.isArray(value)) return [];
    const servers = [];
    for (const one of value.slice(0, MOST_SERVERS)) {
      const f = fields(one);
      const given = Array.isArray(f?.urls) ? f.urls.slice(0, MOST_SERVERS) : [];
      const urls = given.map((u) => bounded(u, LONGEST_URL)).filter((u) => u !== null && /^(stun|turns?):./u.test(u));
      const username = text(f?.username);
      const credential = text(f?.credential);
      const usable = urls.filter((u) => u?.startsWith("stun:") || username !== null && credential !== null);
      if (usable.length === 0) continue;
      servers.push(username !== null && credential !== null ? { urls: usable, username, credential } : { urls: usable });
    }
    return servers;
  }
  function readOpen(value) {
    const f = fields(value);
    const live = fields(f?.live);
    const conf = fields(live?.liveConf);
    const clientId = text(f?.clientId);
    const sessionId = text(live?.sessionId);
    if (!conf || clientId === null || sessionId === null) return null;
    return {
      clientId,
      conf: {
        sessionId,
        ice: { servers: readServers(conf.ICE), relayOnly: conf.iceTransportPolicy === "relay" },
        peers: readIds(conf.peerList),
        speaker: readId(fields(conf.speaking)?.current)
      }
    };
  }
  function readTracks(value, usual) {
    const f = fields(value);
    return {
      audio: typeof f?.audio === "boolean" ? f.audio : usual.audio,
      video: typeof f?.video === "boolean" ? f.video : usual.video
    };
  }
  function readMeta(value) {
    const f = fields(value);
    const state = fields(f?.state);
    return {
      sends: readTracks(f?.sending, { audio: true, video: true }),
      wants: readTracks(f?.receive, { audio: true, video: true }),
      muted: state?.isMuted === true,
      blinded: state?.isBlinded === true
    };
  }
  function readStamps(value) {
    if (!Array.isArray(value)) return null;
    const [own, heard] = value.map(readStamp);
    return typeof own === "number" && typeof heard === "number" ? [own, heard] : null;
  }
  function readStamp(value) {
    return Number.isSafeInteger(value) ? value : null;
  }
  function readSignal(value) {
    const e = readFrame(value);
    switch (e?.type) {
      case "sdp":
        return readDescription(e.data);
      case "candidate":
        return readCandidate(e.data);
      case "negotiate":
        return e.data === "request" || e.data === "accept" || e.data === "deny" ? { type: "negotiate", step: e.data } : null;
      default:
        return null;
    }
  }
  function readDescription(value) {
    const f = fields(value);
    const sdp = bounded(f?.sdp, LONGEST_SDP);
    if (sdp === null || f?.type !== "offer" && f?.type !== "answer") return null;
    return { type: "description", description: { type: f.type, sdp } };
  }
  function readCandidate(value) {
    const f = fields(value);
    if (value === null || f?.candidate === "") return { type: "candidate", candidate: null };
    const candidate = bounded(f?.candidate, LONGEST_CANDIDATE);
    if (!f || candidate === null) return null;
    const line = f.sdpMLineIndex;
    return {
      type: "candidate",
      candidate: {
        candidate,
        sdpMid: bounded(f.sdpMid, LONGEST_ID),
        sdpMLineIndex: typeof line === "number" && line >= 0 && line < 1e3 ? line : null,
        usernameFragment: bounded(f.usernameFragment, LONGEST_ID)
      }
    };
  }

  // sdk/media.ts
  var LOUD = 0.02;
  var PAUSE = 1200;
  var LISTEN = 150;
  var LocalMedia = class extends Emitter {
    /** What others get of us; always the same object. */
    stream = new MediaStream();
    #problems = { audio: null, video: null };
    #meter = new Meter((loud) => this.#heard(loud));
    #muted = false;
    #blinded = false;
    #asking = false;
    #closed = false;
    #voice = false;
    #lastLoud = 0;
    /** open asks for the devices: for both at once, then for what can be had. */
    async open(wanted) {
      this.#blinded = !wanted.video;
      this.#muted = !wanted.audio;
      if (wanted.audio && wanted.video && await this.#take({ audio: true, video: true })) return;
      if (wanted.audio) await this.#take({ audio: true, video: false });
      if (wanted.video) await this.#take({ audio: false, video: true });
    }
    /** close gives the devices back. */
    close() {
      this.#closed = true;
      this.#meter.close();
      for (const track of this.stream.getTracks()) this.#drop(track);
    }
    track(kind) {
      return this.stream.getTracks().find((t) => t.kind === kind) ?? null;
    }
    /** problem says why a device is missing, null if it is not. */
    problem(kind) {
      return this.#problems[kind];
    }
    /** Which devices there are; a camera that is switched off is given back, yet there. */
    get has() {
      return {
        audio: this.track("audio") !== null,
        video: this.track("video") !== null || this.#blinded && this.#problems.video === null
      };
    }
    /** Whether others do not hear us. */
    get muted() {
      return this.#muted || this.track("audio") === null;
    }
    /** Whether others do not see us. */
    get blinded() {
      return this.#blinded || this.track("video") === null;
    }
    /** mute keeps the microphone, and sends silence. */
    async mute(now) {
      if (!now && this.track("audio") === null && !await this.#takeOnce("audio")) return this.emit("change", null);
      this.#muted = now;
      const track = this.track("audio");
      if (track) track.enabled = !now;
      if (now) this.#setVoice(false);
      this.emit("change", null);
    }
    /** blind gives the camera back, so that its light goes off. */
    async blind(now) {
      const track = this.track("video");
      if (now && track) this.#drop(track);
      if (!now && !track && !await this.#takeOnce("video")) return this.emit("change", null);
      this.#blinded = now;
      this.emit("change", null);
    }
    /** takeOnce asks for one device, unless it is being asked for already. */
    async #takeOnce(kind) {
      if (this.#asking) return false;
      this.#asking = true;
      const got = await this.#take({ audio: kind === "audio", video: kind === "video" });
      this.#asking = false;
      return got;
    }
    async #take(what) {
      try {
        const stream = await navigator.mediaDevices.getUserMedia({
          audio: what.audio && { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
          video: what.video && { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } }
        });
        for (const track of stream.getTracks()) this.#add(track);
        return !this.#closed;
      } catch (err) {
        for (const kind of ["audio", "video"]) if (what[kind]) this.#problems[kind] = problemOf(err);
        return false;
      }
    }
    #add(track) {
      if (this.#closed) {
        track.stop();
        return;
      }
      const kind = track.kind === "audio" ? "audio" : "video";
      this.#problems[kind] = null;
      this.stream.addTrack(track);
      track.onended = () => this.#lost(track, kind);
      if (kind === "audio") this.#meter.watch(track);
    }
    /** lost: a device was pulled out, or the user took the permission back. */
    #lost(track, kind) {
      this.#problems[kind] = "none";
      this.#drop(track);
      this.emit("change", null);
    }
    #drop(track) {
      track.onended = null;
      track.stop();
      this.stream.removeTrack(track);
    }
    /** heard is told how loud we are; words have pauses between them. */
    #heard(loudness) {
      if (loudness > LOUD && !this.muted) {
        this.#lastLoud = Date.now();
        this.#setVoice(true);
      } else if (Date.now() - this.#lastLoud > PAUSE) {
        this.#setVoice(false);
      }
    }
    /** setVoice repeats that we speak, for who wants to say it until it is heard. */
    #setVoice(now) {
      if (!now && !this.#voice) return;
      this.#voice = now;
      this.emit("voice", now);
    }
  };
  function problemOf(err) {
    if (!navigator.mediaDevices) return "unavailable";
    switch (err instanceof DOMException ? err.name : "") {
      case "NotAllowedError":
      case "SecurityError":
        return "denied";
      case "NotFoundError":
      case "OverconstrainedError":
        return "none";
      default:
        return "busy";
    }
  }
  var Meter = class {
    #told;
    #context = null;
    #timer;
    constructor(told) {
      this.#told = told;
    }
    watch(track) {
      this.close();
      try {
        const context = new AudioContext();
        const analyser = context.createAnalyser();
        analyser.fftSize = 512;
        context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
        const samples = new Float32Array(analyser.fftSize);
        this.#context = context;
        this.#timer = setInterval(() => {
          analyser.getFloatTimeDomainData(samples);
          this.#told(Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length));
        }, LISTEN);
      } catch {
        this.close();
      }
    }
    close() {
      clearInterval(this.#timer);
      void this.#context?.close().catch(() => {
      });
      this.#context = null;
    }
  };

  // sdk/pairing.ts
  var Pairing = class {
    #say;
    #settled;
    #own = 0;
    #other = 0;
    #host = null;
    /** settled is called again when the other one began anew. */
    constructor(say, settled) {
      this.#say = say;
      this.#settled = settled;
    }
    /** Whether we are host, null as long as that is open. */
    get host() {
      return this.#host;
    }
    begin() {
      this.#host = null;
      this.#own = Date.now();
      this.repeat();
    }
    /** repeat says the stamp again, if it is not settled who is host. */
    repeat() {
      if (this.#host === null) this.#say("sync", this.#own);
    }
    /** sync takes the other one's stamp. */
    sync(data) {
      const stamp = readStamp(data);
      if (stamp === null) return;
      if (this.#host === null && stamp === this.#own) {
        this.#own += 1 + Math.floor(Math.random() * 1e3);
        return;
      }
      const repeated = this.#host !== null && stamp === this.#other;
      if (this.#host !== null && !repeated) this.#own = stamp + (this.#host ? -1 : 1);
      this.#other = stamp;
      this.#say("sync-accept", [this.#own, stamp]);
      if (repeated) this.#open();
      else this.#settle(this.#own < stamp);
    }
    /** accept takes the other one's answer to our stamp. */
    accept(data) {
      const stamps = readStamps(data);
      if (!stamps || this.#host !== null) return;
      const [theirs, heard] = stamps;
      if (heard !== this.#own || theirs === this.#own) return;
      this.#other = theirs;
      this.#settle(this.#own < theirs);
    }
    #settle(host) {
      this.#host = host;
      this.#settled(host);
      this.#open();
    }
    /** open asks the host to begin. */
    #open() {
      if (!this.#host) this.#say("open");
    }
  };

  // sdk/peer.ts
  var TICK = 2e3;
  var STEP = 8e3;
  var FIRST_CONNECTION = 15e3;
  var SHORT_BREAK = 6e3;
  var AGAIN = 1e3;
  var DENIED = 3e3;
  var MOST_CANDIDATES = 128;
  var MOST_DESCRIPTIONS = 16;
  var KINDS = ["audio", "video"];
  var Peer = class extends Emitter {
    id;
    /** What comes from this peer; always the same object. */
    stream = new MediaStream();
    #port;
    #pairing;
    #timer;
    #pc = null;
    #state = "connecting";
    #sends = { audio: false, video: false };
    #wants = { audio: true, video: true };
    #muted = false;
    #blinded = false;
    /** since when the media are as they are; when something was last done for them */
    #since = Date.now();
    #mended = 0;
    #attempts = 0;
    #rebuilt = 0;
    /** candidates that came before the description that they belong to */
    #early = [];
    #taking = Promise.resolve();
    #waiting = 0;
    #offering = false;
    #offeredAt = 0;
    #wanted = false;
    #askedAt = 0;
    #heldUntil = 0;
    constructor(id, port) {
      super();
      this.id = id;
      this.#port = port;
      this.#pairing = new Pairing(
        (type, data) => this.#say(type, data),
        () => this.#drop()
      );
      this.#timer = setInterval(() => this.#tick(), TICK);
      this.#pairing.begin();
    }
    get state() {
      return this.#state;
    }
    /** Whether this peer cannot be heard because it wants so, or has no microphone. */
    get muted() {
      return this.#muted || !this.#sends.audio;
    }
    /** Whether there is a picture to show. */
    get visible() {
      const track = this.stream.getVideoTracks()[0];
      return this.#sends.video && !this.#blinded && track !== void 0 && !track.muted;
    }
    /** close ends the connection; others are not told. */
    close() {
      clearInterval(this.#timer);
      this.#drop();
    }
    /** restart begins anew: the other side is another browser now. */
    restart() {
      this.#drop();
      this.#pairing.begin();
      this.emit("change", null);
    }
    /** back says that something can be said again. */
    back() {
      this.#since = Date.now();
      if (this.#pc === null) this.#tick();
    }
    /** restartIce finds new ways for media that go on (docs/protocol.md 16.2). */
    restartIce() {
      const pc = this.#pc;
      if (!pc) return;
      this.configure();
      pc.restartIce();
      this.#mended = Date.now();
      void this.#offer(pc);
    }
    /** configure takes over servers that are new; what flows is not touched. */
    configure() {
      try {
        this.#pc?.setConfiguration(this.#configuration());
      } catch {
      }
    }
    /** refresh sends what our devices give now. */
    refresh() {
      if (this.#pc?.remoteDescription)
        this.#attach(this.#pc).catch(() => {
        });
      else for (const t of this.#pc?.getTransceivers() ?? []) void this.#feed(t);
    }
    /** tell says again what we send. */
    tell() {
      this.#say("tracks-available", this.#port.media.has);
      this.#say("mute", this.#port.media.muted);
      this.#say("blind", this.#port.media.blinded);
    }
    /** receive takes what this peer said to us. */
    receive(data) {
      const e = readFrame(data);
      switch (e?.type) {
        case "sync":
          if (this.#pairing.host === null || this.#mayRebuild()) this.#pairing.sync(e.data);
          return;
        case "sync-accept":
          return this.#pairing.accept(e.data);
        case "open":
          return this.#opened();
        case "meta":
          return this.#metaTold(e.data);
        case "webrtc-stream":
          return this.#signaled(readSignal(e.data));
        case "restart":
          return this.#rebuild();
        case "stop":
          return this.#drop();
        case "refresh":
          return this.#refreshAsked(e.data);
        case "tracks-available":
          this.#sends = readTracks(e.data, this.#sends);
          break;
        case "mute":
          this.#muted = e.data === true;
          break;
        case "blind":
          this.#blinded = e.data === true;
          break;
        default:
          return;
      }
      this.emit("change", null);
    }
    #say(type, data) {
      return this.#port.say(this.id, type, data);
    }
    #signal(type, data) {
      return this.#say("webrtc-stream", { type, data });
    }
    // The handshake
    /** opened: the other side is ready, and we are host. */
    #opened() {
      if (this.#pairing.host !== true || this.#pc && !this.#mayRebuild()) return;
      this.#drop();
      this.#sayMeta();
    }
    /** metaTold: the host's comes first, then the other one's; then the media begin. */
    #metaTold(data) {
      const host = this.#pairing.host;
      if (host === null || !host && this.#pc && !this.#mayRebuild()) return;
      const meta = readMeta(data);
      this.#sends = meta.sends;
      this.#wants = meta.wants;
      this.#muted = meta.muted;
      this.#blinded = meta.blinded;
      if (!host) {
        this.#drop();
        this.#sayMeta();
      }
      if (!this.#pc) this.#connect(host);
      this.emit("change", null);
    }
    #sayMeta() {
      const media = this.#port.media;
      this.#say("meta", {
        browser: "presence",
        sending: media.has,
        receive: { audio: true, video: true },
        state: { isMuted: media.muted, isBlinded: media.blinded, screenMode: "contain", screenShare: false }
      });
    }
    /** rebuild gives the connection up; the host then begins another one. */
    #rebuild() {
      if (!this.#mayRebuild()) return;
      this.#drop();
      if (this.#pairing.host) this.#sayMeta();
      this.emit("change", null);
    }
    /** mayRebuild keeps a peer from making us begin anew all the time. */
    #mayRebuild() {
      const now = Date.now();
      if (now - this.#rebuilt < AGAIN) return false;
      this.#rebuilt = now;
      return true;
    }
    #refreshAsked(data) {
      const f = fields(data);
      if (!f) return;
      if (f.meta) this.tell();
      if (!this.#pc || !(f.audio || f.video)) return;
      this.refresh();
      this.#negotiate(this.#pc);
    }
    // The connection
    #configuration() {
      const ice = this.#port.ice;
      return {
        iceServers: ice.servers,
        iceTransportPolicy: ice.relayOnly ? "relay" : "all",
        bundlePolicy: "max-bundle"
      };
    }
    #connect(host) {
      let pc;
      try {
        pc = new RTCPeerConnection(this.#configuration());
      } catch {
        return;
      }
      this.#pc = pc;
      this.#since = Date.now();
      const mine = (act) => () => this.#pc === pc && act();
      pc.onnegotiationneeded = mine(() => this.#negotiate(pc));
      pc.onconnectionstatechange = mine(() => this.#connectionChanged(pc));
      pc.onsignalingstatechange = mine(() => pc.signalingState === "stable" && (this.#heldUntil = 0));
      pc.onicecandidate = (e) => this.#pc === pc && this.#signal("candidate", e.candidate?.toJSON() ?? null);
      pc.ontrack = (e) => this.#pc === pc && this.#trackCame(e.track);
      this.#say("tracks-available", this.#port.media.has);
      if (!host) return;
      this.#wanted = true;
      for (const kind of KINDS) void this.#feed(pc.addTransceiver(kind, { direction: "sendrecv" }));
    }
    /** drop closes the connection; the handshake stays as it is. */
    #drop() {
      const pc = this.#pc;
      this.#pc = null;
      this.#early = [];
      this.#taking = Promise.resolve();
      this.#waiting = this.#offeredAt = this.#heldUntil = this.#attempts = 0;
      this.#offering = this.#wanted = false;
      this.#since = Date.now();
      for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
      pc?.close();
      if (pc) this.#enter(this.#state === "connecting" ? "connecting" : "interrupted");
    }
    #enter(state) {
      if (this.#state === state) return;
      this.#state = state;
      this.#since = Date.now();
      this.emit("change", null);
    }
    #connectionChanged(pc) {
      switch (pc.connectionState) {
        case "connected":
          this.#attempts = 0;
          this.#enter("connected");
          this.limit();
          return;
        case "disconnected":
        case "failed":
          if (this.#state === "connected") this.#enter("interrupted");
          if (pc.connectionState === "failed" && Date.now() - this.#mended > STEP) this.#mend(pc);
      }
    }
    #trackCame(track) {
      for (const old of this.stream.getTracks()) if (old.kind === track.kind) this.stream.removeTrack(old);
      this.stream.addTrack(track);
      track.onmute = track.onunmute = () => this.emit("change", null);
      this.emit("change", null);
    }
    /** attach sends our tracks in the places that the two sides have agreed on. */
    async #attach(pc) {
      for (const kind of KINDS) {
        const places = pc.getTransceivers().filter((t) => t.receiver.track.kind === kind && t.direction !== "stopped");
        const place = places.find((t) => t.mid !== null) ?? places[0];
        const track = this.#port.media.track(kind);
        if (place) {
          if (place.direction !== "sendrecv") place.direction = "sendrecv";
          await this.#feed(place);
        } else if (track && this.#wants[kind]) {
          pc.addTrack(track, this.#port.media.stream);
        }
      }
    }
    async #feed(place) {
      const kind = place.receiver.track.kind === "audio" ? "audio" : "video";
      const track = this.#wants[kind] ? this.#port.media.track(kind) : null;
      if (place.sender.track === track) return;
      await place.sender.replaceTrack(track).catch(() => {
      });
    }
    /** limit makes the picture that we send as large as the call wants it. */
    limit() {
      const sender = this.#pc?.getSenders().find((s) => s.track?.kind === "video");
      const parameters = sender?.getParameters();
      const encoding = parameters?.encodings?.[0];
      if (!sender || !parameters || !encoding) return;
      encoding.scaleResolutionDownBy = 1 / this.#port.scale;
      sender.setParameters(parameters).catch(() => {
      });
    }
    // Negotiation
    #signaled(signal) {
      switch (signal?.type) {
        case "description":
          return this.#described(signal.description);
        case "candidate":
          return this.#candidate(signal.candidate);
        case "negotiate":
          return this.#negotiation(signal.step);
      }
    }
    /** negotiate makes an offer; who is not host asks for it first. */
    #negotiate(pc) {
      const now = Date.now();
      this.#wanted = true;
      if (pc.signalingState !== "stable") return;
      if (this.#pairing.host) {
        if (now >= this.#heldUntil) void this.#offer(pc);
      } else if (now - this.#askedAt >= DENIED && this.#signal("negotiate", "request")) {
        this.#askedAt = now;
      }
    }
    #negotiation(step) {
      const pc = this.#pc;
      if (!pc) return;
      if (step === "accept") void this.#offer(pc);
      if (step !== "request" || !this.#pairing.host) return;
      const free = pc.signalingState === "stable" && !this.#offering && !this.#wanted;
      if (free) this.#heldUntil = Date.now() + DENIED;
      this.#signal("negotiate", free ? "accept" : "deny");
    }
    async #offer(pc) {
      if (this.#offering || pc.signalingState === "have-remote-offer") {
        this.#wanted = true;
        return;
      }
      this.#offering = true;
      this.#wanted = false;
      this.#offeredAt = Date.now();
      try {
        await pc.setLocalDescription();
        if (this.#pc === pc) this.#describe(pc);
      } catch {
      } finally {
        if (this.#pc === pc) this.#offering = false;
      }
    }
    #describe(pc) {
      const d = pc.localDescription;
      if (d && !this.#signal("sdp", { type: d.type, sdp: d.sdp })) this.#offeredAt = 0;
    }
    /** described takes one description after the other. */
    #described(description) {
      const pc = this.#pc;
      if (!pc || this.#waiting >= MOST_DESCRIPTIONS) return;
      this.#waiting++;
      this.#taking = this.#taking.then(() => this.#take(pc, description)).catch(() => {
      }).then(() => void (this.#pc === pc && this.#waiting--));
    }
    async #take(pc, description) {
      if (this.#pc !== pc) return;
      const offer = description.type === "offer";
      const collision = offer && (this.#offering || pc.signalingState !== "stable");
      if (collision && this.#pairing.host) return;
      if (!offer && pc.signalingState !== "have-local-offer") return;
      await pc.setRemoteDescription(description);
      if (this.#pc !== pc) return;
      for (const candidate of this.#early.splice(0)) void pc.addIceCandidate(candidate).catch(() => {
      });
      if (!offer) return;
      await this.#attach(pc);
      await pc.setLocalDescription();
      if (this.#pc === pc) this.#describe(pc);
    }
    #candidate(candidate) {
      if (!candidate) return;
      const pc = this.#pc;
      if (pc?.remoteDescription)
        void pc.addIceCandidate(candidate).catch(() => {
        });
      else if (this.#early.length < MOST_CANDIDATES) this.#early.push(candidate);
    }
    // Mending
    /** tick does again what got lost, and mends what does not connect. */
    #tick() {
      if (!this.#port.here) return;
      const now = Date.now();
      const pc = this.#pc;
      if (this.#pairing.host === null) return this.#pairing.repeat();
      if (!pc) {
        if (now - this.#since > STEP) this.restart();
        return;
      }
      if (pc.signalingState === "have-local-offer" && now - this.#offeredAt > STEP) void this.#offer(pc);
      else if (this.#wanted) this.#negotiate(pc);
      if (this.#state === "connected" && pc.connectionState === "connected") return;
      const host = this.#pairing.host ? 0 : SHORT_BREAK;
      const patience = this.#state === "connecting" || this.#attempts > 0 ? FIRST_CONNECTION : SHORT_BREAK;
      if (now - Math.max(this.#since, this.#mended) > patience + host) this.#mend(pc);
    }
    /** mend looks for new ways first, and then begins another connection. */
    #mend(pc) {
      this.#mended = Date.now();
      if (!this.#port.here) return;
      if (this.#attempts++ === 0) {
        pc.restartIce();
        return;
      }
      this.#say("restart");
      this.#rebuild();
    }
  };

  // sdk/live.ts
  var FEATURES = ["ice-restart"];
  var CLAIM_AGAIN = 700;
  var RETURN = 2e4;
  var Live = class extends Emitter {
    #port;
    #state = "out";
    #liveId = "";
    #session = "";
    #joins = 0;
    #people = [];
    #known = false;
    #peers = /* @__PURE__ */ new Map();
    #media = null;
    #mediaUndo = [];
    /** with whom ICE is to be restarted as soon as that can be said */
    #broken = /* @__PURE__ */ new Set();
    #ice = { servers: [], relayOnly: false };
    #scale = 1;
    #speaker = null;
    #claimed = 0;
    /** the connection was lost, and the state of the room is not known again */
    #catchingUp = false;
    /** the server may have given our place away meanwhile */
    #uncertain = false;
    #owesLeave = false;
    #waiting;
    constructor(port) {
      super();
      this.#port = port;
    }
    get state() {
      return this.#state;
    }
    /** Who is in the call, in the order of joining, oneself too. */
    get people() {
      return this.#people;
    }
    /** The others, for who is in the call. */
    get peers() {
      return [...this.#peers.values()];
    }
    /** Our microphone and camera while we are in the call. */
    get media() {
      return this.#media;
    }
    /** Who speaks, as the server says. */
    get speaker() {
      return this.#speaker;
    }
    /** Whether the server can be reached; without it the media go on as they are. */
    get reachable() {
      return this.#port.here && !this.#catchingUp;
    }
    /** Whether the addresses of those in the call are hidden from each other. */
    get hidden() {
      return this.#state === "in" && this.#ice.relayOnly;
    }
    /**
     * join asks for the devices and enters the call; a device that cannot be had is
     * missing then. It fails with what the server says, e.g. ERR_CALL_FULL.
     */
    async join(devices) {
      if (this.#state !== "out") return;
      const turn = ++this.#joins;
      const media = new LocalMedia();
      this.#liveId = `lc-${randomId()}`;
      this.#owesLeave = false;
      this.#take(media);
      this.#enter("joining");
      try {
        await media.open(devices);
        if (turn !== this.#joins) return;
        await this.#port.ask("live-join", { clientId: this.#liveId, features: FEATURES });
        if (turn === this.#joins && this.state === "joining") throw new Refused("ERR_UNKNOWN");
      } catch (err) {
        if (turn !== this.#joins) return;
        this.#owesLeave = err instanceof Refused && (err.code === OFFLINE || err.code === NO_ANSWER);
        this.#end();
        throw err;
      }
    }
    /** leave ends our part in the call. */
    leave() {
      if (this.#state === "out") return;
      this.#owesLeave = !this.#port.send("live", { type: "leave" });
      this.#people = this.#people.filter((id) => id !== this.#port.self);
      this.#end();
    }
    /** found says that the room can be reached; resumed: nothing was missed. */
    found(resumed) {
      if (!resumed) this.#uncertain = true;
      if (this.#owesLeave) this.#owesLeave = !this.#port.send("live", { type: "leave" });
    }
    /** away says that nothing comes, and nothing can be said, until the room is found. */
    away() {
      this.#catchingUp = true;
      this.emit("change", null);
    }
    /** gone says that we are not in the room any more. */
    gone() {
      if (this.#state !== "out") this.#ended("removed", null);
    }
    /** roomState takes from the state of the room who is in the call (7.3). */
    roomState(peers) {
      const ids = readIds(peers);
      const self = this.#port.self;
      const lost = this.#uncertain || self !== null && !ids.includes(self);
      const back = this.#catchingUp;
      this.#catchingUp = this.#uncertain = false;
      if (this.#state === "in" && back) {
        for (const peer of this.#peers.values()) peer.back();
        if (lost) void this.#restore();
        else this.#reconcile(ids);
        this.#mendBroken();
      }
      this.#setPeople(ids, this.#known);
      this.#known = true;
    }
    /** receive takes a live event of the room. */
    receive(data) {
      const e = readFrame(data);
      if (!e) return;
      switch (e.type) {
        case "join":
          return this.#joined(readId(fields(e.data)?.peerId));
        case "leave":
          return this.#left(readId(fields(e.data)?.peerId));
        case "open":
          return this.#opened(e.data);
        case "close":
          return this.#closed(fields(e.data)?.clientId);
        case "peers":
          return this.#setPeople(readIds(fields(e.data)?.peerIds));
        case "ping":
          if (this.#state === "in" && text(e.data) !== null) this.#port.send("live", { type: "pong", data: e.data });
          return;
        case "speaking":
          this.#speaker = readId(fields(e.data)?.current);
          return this.emit("change", null);
        case "quality":
          return this.#qualityTold(fields(e.data)?.scale);
        case "ice-restart":
          return this.#restartIce(fields(e.data));
        default:
          this.#peers.get(e.type)?.receive(e.data);
      }
    }
    #enter(state) {
      this.#state = state;
      this.emit("change", null);
    }
    /** take makes these devices ours. */
    #take(media) {
      this.#media = media;
      this.#mediaUndo = [media.on("change", () => this.#mediaChanged()), media.on("voice", (now) => this.#voice(now))];
    }
    #end() {
      this.#joins++;
      for (const undo of this.#mediaUndo) undo();
      clearTimeout(this.#waiting);
      for (const peer of this.#peers.values()) peer.close();
      this.#peers.clear();
      this.#broken.clear();
      this.#media?.close();
      this.#media = null;
      this.#speaker = null;
      this.#enter("out");
    }
    #ended(why, code) {
      this.#end();
      this.emit("ended", { why, code });
    }
    // Who is in the call
    #setPeople(ids, tell = true) {
      const before = this.#people;
      this.#people = ids;
      this.#port.want(ids);
      for (const id of ids) if (tell && !before.includes(id)) this.emit("joined", id);
      for (const id of before) if (tell && !ids.includes(id) && !this.#peers.has(id)) this.emit("left", id);
      if (this.#speaker !== null && !ids.includes(this.#speaker)) this.#speaker = null;
      this.emit("change", null);
    }
    #joined(id) {
      if (id === null) return;
      const known = this.#peers.get(id);
      if (known && known.state !== "connected") known.restart();
      if (!known && this.#state === "in") this.#meet(id);
      if (!this.#people.includes(id)) this.#setPeople([...this.#people, id], !known);
    }
    #left(id) {
      if (id === null) return;
      this.#forget(id);
      this.#setPeople(this.#people.filter((p) => p !== id));
    }
    #meet(id) {
      if (id === this.#port.self || this.#peers.has(id) || !this.#media) return;
      const live = this;
      const peer = new Peer(id, {
        get here() {
          return live.reachable;
        },
        get ice() {
          return live.#ice;
        },
        get scale() {
          return live.#scale;
        },
        media: this.#media,
        say: (to, type, data) => this.#port.send("live", { type: to, data: { type, data } })
      });
      peer.on("change", () => this.emit("change", null));
      this.#peers.set(id, peer);
    }
    /** reconcile meets who is new and forgets who is gone; the others stay as they are. */
    #reconcile(ids) {
      for (const id of this.#peers.keys()) if (!ids.includes(id)) this.#forget(id);
      for (const id of ids) this.#meet(id);
    }
    #forget(id) {
      this.#peers.get(id)?.close();
      this.#peers.delete(id);
    }
    /**
     * returning waits for those whose media still flow: after a restart of the server each
     * of us comes back when it can.
     */
    #returning(ids) {
      for (const peer of this.peers) if (!ids.includes(peer.id) && peer.state !== "connected") this.#forget(peer.id);
      for (const id of ids) this.#meet(id);
      clearTimeout(this.#waiting);
      this.#waiting = setTimeout(() => this.#notReturned(), RETURN);
    }
    #notReturned() {
      for (const { id } of this.peers) {
        if (this.#people.includes(id)) continue;
        this.#forget(id);
        this.emit("left", id);
      }
      this.emit("change", null);
    }
    // What the server says of us
    #opened(data) {
      const open = readOpen(data);
      if (!open || open.clientId !== this.#liveId || this.#state === "out") return;
      const anew = this.#state === "in" && open.conf.sessionId !== this.#session;
      this.#configure(open.conf);
      this.#state = "in";
      if (anew) this.#returning(open.conf.peers);
      else this.#reconcile(open.conf.peers);
      this.#setPeople(open.conf.peers);
    }
    #configure(conf) {
      this.#session = conf.sessionId;
      this.#ice = conf.ice;
      this.#speaker = conf.speaker;
      for (const peer of this.#peers.values()) peer.configure();
    }
    /** closed: null ends it for the account, a live id for that browser. */
    #closed(clientId) {
      if (clientId === this.#liveId && this.#state !== "out") return this.#ended("elsewhere", null);
      if (clientId !== null || this.#state !== "in") return;
      if (this.#catchingUp)
        this.#uncertain = true;
      else this.#ended("removed", null);
    }
    /** restore takes the call up after the connection was lost (16.2). */
    async #restore() {
      const turn = this.#joins;
      try {
        await this.#port.ask("live-restore", {
          clientId: this.#liveId,
          sessionId: this.#session,
          features: FEATURES
        });
      } catch (err) {
        const code = err instanceof Refused ? err.code : "ERR_UNKNOWN";
        if (turn !== this.#joins) return;
        if (!this.#port.here) this.#uncertain = true;
        else this.#ended("refused", code);
      }
    }
    #restartIce(f) {
      if (f?.clientId !== this.#liveId || this.#state !== "in") return;
      const servers = readServers(f.ICE);
      if (servers.length > 0) this.#ice = { ...this.#ice, servers };
      for (const id of readIds(f.peerIds)) this.#broken.add(id);
      if (this.reachable) this.#mendBroken();
    }
    /** mendBroken restarts ICE with those whom the server has named. */
    #mendBroken() {
      for (const id of this.#broken) this.#peers.get(id)?.restartIce();
      this.#broken.clear();
    }
    #qualityTold(scale) {
      if (typeof scale !== "number" || !(scale > 0 && scale <= 1)) return;
      this.#scale = scale;
      for (const peer of this.#peers.values()) peer.limit();
    }
    // What we send
    #mediaChanged() {
      for (const peer of this.#peers.values()) {
        peer.refresh();
        peer.tell();
      }
      this.emit("change", null);
    }
    /** voice claims to be the one who speaks (16.5). */
    #voice(now) {
      if (this.#state !== "in") return;
      const mine = this.#speaker !== null && this.#speaker === this.#port.self;
      if (now === mine || now && Date.now() - this.#claimed < CLAIM_AGAIN) return;
      this.#claimed = Date.now();
      this.#port.send("live", { type: "speaking", data: { time: this.#claimed, isSpeaking: now } });
    }
  };
  function randomId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  }

  // sdk/room.ts
  var STATE_PATIENCE = 5e3;
  var Room = class extends Emitter {
    id;
    chat;
    live;
    #port;
    #conf;
    #ownerId = null;
    #admins = [];
    #hidesAddresses = null;
    #members = [];
    #known = false;
    #here = false;
    #looking = false;
    #call = "";
    #unread = 0;
    #lastStored = null;
    #again;
    constructor(conf, port) {
      super();
      this.id = conf.clientId;
      this.#conf = conf;
      this.#port = port;
      this.chat = new Chat({
        get self() {
          return port.self;
        },
        send: (type, data) => this.#here && this.#send("chat", { type, data }),
        ask: (type, data) => this.#ask("chat", type, data)
      });
      this.live = new Live(this.#livePort());
      this.chat.on("message", () => void (this.#looking || this.#unread++));
      this.chat.on("change", () => this.emit("change", null));
      this.live.on("change", () => this.#callChanged());
    }
    get name() {
      return this.#conf.name;
    }
    /** A data URL, or null. */
    get avatar() {
      return this.#conf.avatar;
    }
    /** Whether the room has a name and stays. */
    get persistent() {
      return this.#conf.persistent;
    }
    get ownerId() {
      return this.#ownerId;
    }
    get members() {
      return this.#members;
    }
    /** Whether the server has told the state of the room. */
    get known() {
      return this.#known;
    }
    /** Whether the room can be reached now. */
    get here() {
      return this.#here;
    }
    /** How many messages of others have not been looked at. */
    get unread() {
      return this.#unread;
    }
    get lastMessage() {
      return this.chat.last ?? this.#lastStored;
    }
    /** Whether this account may name the room and change its settings. */
    get mayRename() {
      const self = this.#port.self;
      return self !== null && (self === this.#ownerId || this.#admins.includes(self));
    }
    /** Whether the next call hides addresses (16.6); null: the server cannot do that. */
    get hidesAddresses() {
      return this.#hidesAddresses;
    }
    /** persist gives a temporary room a name and keeps it. */
    async persist(name) {
      await this.#port.ask((requestId) => ({
        type: this.id,
        data: { type: "persist", data: { name, persistent: true }, requestId }
      }));
    }
    async rename(name) {
      await this.#ask("settings", "setting", { setting: "roomName", value: name });
    }
    async hideAddresses(now) {
      await this.#ask("settings", "setting", { setting: "hideAddresses", value: now });
    }
    /** add lets an account in at once. */
    async add(account) {
      await this.#ask("invite", "room-add", { clientId: account });
    }
    /** inviteToken is the token with which anybody may join, made if there is none. */
    async inviteToken() {
      const token = text(fields(await this.#ask("invite", "public", {}))?.token);
      if (token === null) throw new Refused("ERR_NOT_STORED");
      return token;
    }
    /** leave ends the membership; the account then removes the room. */
    async leave() {
      await this.#port.ask((requestId) => ({ type: this.id, data: { type: "leave", requestId } }));
    }
    /** look says whether the user sees the room now: its messages count as read. */
    look(now) {
      const changed = now !== this.#looking;
      this.#looking = now;
      if (changed) this.#tellLooking();
      if (now && (changed || this.#unread > 0)) {
        this.#unread = 0;
        this.#send("counter-reset", void 0);
        this.emit("change", null);
      }
      if (now) this.chat.confirm();
    }
    /** found takes over what is told of the room, and reads the rest. */
    found(conf) {
      this.#conf = conf;
      this.#here = true;
      this.live.found(this.#port.resumed);
      this.#initialize();
      this.#tellLooking();
      void this.chat.connected();
      this.emit("change", null);
    }
    /** away says that the room cannot be reached until it is found again. */
    away() {
      clearTimeout(this.#again);
      this.#here = false;
      this.chat.disconnected();
      this.live.away();
      this.emit("change", null);
    }
    /** gone says that the account is not in the room any more. */
    gone() {
      this.away();
      this.live.gone();
    }
    /** receive takes an event for the room. */
    receive(data) {
      const reply = readReply(data);
      const e = readFrame(data);
      if (!e) {
        if (reply) this.#port.settle(reply);
        return;
      }
      const inner = readReply(e.data);
      if (inner) this.#port.settle(inner);
      else this.#event(e.type, e.data);
    }
    #event(type, data) {
      switch (type) {
        case "chat":
          return this.chat.receive(data);
        case "live":
          return this.live.receive(data);
        case "settings":
          return this.#settingTold(readFrame(data));
        case "initialize":
          return this.#initialized(data);
        case "persistent":
          return this.#named(data);
        case "room-update":
          return this.#updated(data);
        case "join":
          return this.#memberJoined(text(fields(data)?.clientId));
        case "leave":
          return this.#memberLeft(text(data));
        case "admin-add":
        case "admin-remove":
          return this.#adminChanged(text(data), type === "admin-add");
        case "counter-reset":
          this.#unread = 0;
          this.emit("change", null);
      }
    }
    #initialize() {
      clearTimeout(this.#again);
      this.#send("initialize", void 0);
      this.#again = setTimeout(() => this.#here && this.#initialize(), STATE_PATIENCE);
    }
    #initialized(data) {
      const state = readState(data);
      if (!state) return;
      clearTimeout(this.#again);
      this.#known = true;
      this.#conf = { ...this.#conf, name: state.name, persistent: state.persistent };
      this.#ownerId = state.ownerId;
      this.#admins = state.admins;
      this.#members = state.users;
      this.#lastStored = state.lastMessage;
      if (!this.#looking && state.unread !== null) this.#unread = state.unread;
      this.#hidesAddresses = state.hidesAddresses;
      this.#port.identities.want(state.users);
      this.live.roomState(state.peers);
      this.emit("change", null);
    }
    #named(data) {
      const name = text(fields(data)?.name) ?? this.#conf.name;
      this.#conf = { ...this.#conf, persistent: true, name };
      this.emit("named", name);
      this.emit("change", null);
    }
    #updated(data) {
      const conf = readConf(data);
      if (!conf) return;
      this.#conf = { ...this.#conf, name: conf.name, avatar: conf.avatar ?? this.#conf.avatar };
      this.emit("change", null);
    }
    /** settingTold takes a setting that was changed (docs/protocol.md 10). */
    #settingTold(e) {
      const f = fields(e?.data);
      if (e?.type !== "update" || f?.success !== true || f.setting !== "hideAddresses") return;
      this.#hidesAddresses = f.value === true;
      this.emit("change", null);
    }
    #memberJoined(id) {
      if (id === null || this.#members.includes(id)) return;
      this.#members = [...this.#members, id];
      this.#port.identities.want([id]);
      this.emit("joined", id);
      this.emit("change", null);
    }
    #memberLeft(id) {
      if (id === null || !this.#members.includes(id)) return;
      this.#members = this.#members.filter((m) => m !== id);
      this.emit("left", id);
      this.emit("change", null);
    }
    #adminChanged(id, admin) {
      if (id === null) return;
      this.#admins = this.#admins.filter((a) => a !== id);
      if (admin) this.#admins.push(id);
      this.emit("change", null);
    }
    #tellLooking() {
      this.#send("active", { isActive: this.#looking, time: Date.now() });
    }
    /** callChanged tells who is in the call; what they do there is told by live alone. */
    #callChanged() {
      const call = [this.live.state, ...this.live.people].join(" ");
      if (call === this.#call) return;
      this.#call = call;
      this.emit("change", null);
    }
    #livePort() {
      const room = this;
      return {
        get self() {
          return room.#port.self;
        },
        get here() {
          return room.#here;
        },
        send: (type, data) => this.#send(type, data),
        ask: (type, data) => this.#port.ask((requestId) => ({ type: this.id, data: { type, data, requestId } })),
        want: (ids) => this.#port.identities.want(ids)
      };
    }
    #send(type, data) {
      return this.#here && this.#port.send({ type: this.id, data: { type, data } });
    }
    #ask(component, type, data) {
      return this.#port.ask((requestId) => ({
        type: this.id,
        data: { type: component, data: { type, data, requestId } }
      }));
    }
  };

  // sdk/account.ts
  var RETURN2 = 4e3;
  var Account = class extends Emitter {
    identities;
    #connection;
    #requests = new Requests();
    #rooms = /* @__PURE__ */ new Map();
    #undo;
    #reconcile;
    #final = false;
    #ready = false;
    #resumed = false;
    constructor(connection) {
      super();
      this.#connection = connection;
      this.identities = new Identities((type, data) => this.#askIdentity(type, data));
      this.#undo = [
        connection.on("online", ({ resumed }) => this.#online(resumed)),
        connection.on("offline", () => this.#offline()),
        connection.on("event", (event) => this.#event(event))
      ];
    }
    /** close ends the use of this object; the connection is the caller's. */
    close() {
      for (const undo of this.#undo) undo();
      for (const room of this.#rooms.values()) room.live.leave();
      this.#offline();
    }
    get id() {
      return this.#connection.account;
    }
    get identity() {
      return this.identities.get(this.id);
    }
    /** Whether the state of the account has arrived at least once. */
    get ready() {
      return this.#ready;
    }
    get rooms() {
      return [...this.#rooms.values()];
    }
    room(id) {
      return this.#rooms.get(id);
    }
    /** createRoom makes a room: temporary without a name, else one that stays. */
    createRoom(name = null) {
      return this.#entered(this.#ask("room-create", { name }));
    }
    /** joinRoom enters a room with an invite token. */
    joinRoom(roomId, token) {
      return this.#entered(this.#ask("room-join", { invite: { token, roomId } }));
    }
    /** searchUsers finds people by a part of their name. */
    async searchUsers(needle) {
      const found = await this.#ask("search-user", { needle });
      return Array.isArray(found) ? found.map(readIdentity).filter((i) => i !== null) : [];
    }
    async #entered(answer) {
      const conf = readConf(await answer);
      if (!conf) throw new Refused("ERR_COULD_NOT_JOIN");
      return this.#rooms.get(conf.clientId) ?? this.#find(conf);
    }
    #ask(type, data) {
      return this.#requests.ask((requestId) => this.#connection.send({ type, data, requestId }));
    }
    #askIdentity(type, data) {
      return this.#requests.ask(
        (requestId) => this.#connection.send({ type: "identity", data: { type, data, requestId } })
      );
    }
    #online(resumed) {
      this.#resumed = resumed;
      this.#final = false;
      this.#initialize();
      void this.identities.refresh();
    }
    #initialize() {
      this.#connection.send({ type: "initialize", data: null });
    }
    #offline() {
      clearTimeout(this.#reconcile);
      this.#requests.dropAll();
      for (const room of this.#rooms.values()) room.away();
    }
    #event(value) {
      const reply = readReply(value);
      const e = readFrame(value);
      if (e) this.#dispatch(e);
      else if (reply) this.#requests.settle(reply);
    }
    #dispatch(e) {
      switch (e.type) {
        case "initialize":
          return this.#initialized(e.data);
        case "join": {
          const conf = readConf(fields(e.data)?.joined);
          if (conf) this.#find(conf);
          return;
        }
        case "close":
          if (typeof e.data === "string") this.#remove(e.data);
          return;
        case "identity": {
          const reply = readReply(e.data);
          if (reply) this.#requests.settle(reply);
          return;
        }
        case "identity-update":
          return this.identities.update(e.data);
        default:
          this.#rooms.get(e.type)?.receive(e.data);
      }
    }
    /**
     * initialized takes over the state. After a login the server lists the rooms that
     * it has joined so far and tells the others one by one, so that those of before
     * that are missing count as gone only after a second look.
     */
    #initialized(data) {
      const f = fields(data);
      if (this.id !== null) this.identities.want([this.id]);
      this.identities.learn(fields(f?.account)?.identity);
      const listed2 = Array.isArray(f?.rooms) ? f.rooms.map(readConf).filter((c) => c !== null) : [];
      for (const conf of listed2) this.#find(conf);
      const missing = [...this.#rooms.values()].filter((room) => !room.here);
      if (this.#final) for (const room of missing) this.#remove(room.id);
      else if (missing.length > 0) this.#lookAgain();
      this.#ready = true;
      this.emit("ready", null);
    }
    #lookAgain() {
      clearTimeout(this.#reconcile);
      this.#reconcile = setTimeout(() => {
        this.#final = true;
        this.#initialize();
      }, RETURN2);
    }
    /** find takes over a room that the server says we are in. */
    #find(conf) {
      let room = this.#rooms.get(conf.clientId);
      if (!room) {
        room = new Room(conf, this.#port());
        room.on("change", () => this.emit("rooms", null));
        this.#rooms.set(room.id, room);
      }
      room.found(conf);
      this.emit("rooms", null);
      return room;
    }
    #remove(id) {
      const room = this.#rooms.get(id);
      if (!room) return;
      this.#rooms.delete(id);
      room.gone();
      this.emit("removed", room);
      this.emit("rooms", null);
    }
    #port() {
      const connection = this.#connection;
      const account = this;
      return {
        get self() {
          return connection.account;
        },
        get resumed() {
          return account.#resumed;
        },
        identities: this.identities,
        send: (event) => connection.send(event),
        ask: (wrap) => this.#requests.ask((requestId) => connection.send(wrap(requestId))),
        settle: (reply) => this.#requests.settle(reply)
      };
    }
  };

  // sdk/connection.ts
  var QUIET = 14e3;
  var PONG = 5e3;
  var LOGIN = 2e4;
  var FIRST_DELAY = 500;
  var LAST_DELAY = 15e3;
  var Connection = class extends Emitter {
    #url;
    #credentials;
    #state = { name: "idle" };
    #socket = null;
    #account = null;
    #session = null;
    #resuming = false;
    #login = "";
    #code = null;
    #attempts = 0;
    #retry;
    #watch;
    /** credentials is asked at each full login, so that it can give fresh ones. */
    constructor(url, credentials) {
      super();
      this.#url = url;
      this.#credentials = credentials;
    }
    get state() {
      return this.#state;
    }
    get online() {
      return this.#state.name === "online";
    }
    /** The account that logged in, null before that. */
    get account() {
      return this.#account;
    }
    /** connect opens the connection, also after it has ended. */
    connect() {
      if (this.#socket) return;
      clearTimeout(this.#retry);
      this.#code = null;
      this.#enter({ name: "connecting", again: this.#account !== null });
      const socket = new WebSocket(this.#url);
      this.#socket = socket;
      socket.onmessage = (e) => this.#socket === socket && this.#receive(e.data);
      socket.onclose = () => this.#socket === socket && this.#lost();
      this.#expect(LOGIN);
    }
    /** wake tries now what would be tried later, e.g. when the network is back. */
    wake() {
      if (this.#state.name === "waiting") this.connect();
      else if (this.online) this.#probe();
    }
    /** leave ends the session for good; the others see the account go. */
    leave() {
      if (this.online) this.#write({ type: "session", data: null });
      this.#end("left");
    }
    /** send sends an event for the account; false if the connection is not online. */
    send(event) {
      if (!this.online || this.#account === null) return false;
      return this.#write({ type: "msg", data: { type: this.#account, data: event } });
    }
    #write(frame) {
      if (this.#socket?.readyState !== WebSocket.OPEN) return false;
      this.#socket.send(JSON.stringify(frame));
      return true;
    }
    #enter(state) {
      const wasOnline = this.online;
      this.#state = state;
      if (wasOnline && state.name !== "online") this.emit("offline", null);
      this.emit("state", state);
    }
    /** expect gives the server so much time for its next message. */
    #expect(ms) {
      clearTimeout(this.#watch);
      this.#watch = setTimeout(() => this.online && ms === QUIET ? this.#probe() : this.#lost(), ms);
    }
    /** probe asks a silent server whether it is there. */
    #probe() {
      this.#write({ type: "ping", data: Date.now() });
      this.#expect(PONG);
    }
    /** drop closes the socket and forgets it. */
    #drop() {
      clearTimeout(this.#watch);
      clearTimeout(this.#retry);
      const socket = this.#socket;
      this.#socket = null;
      socket?.close();
    }
    #end(why) {
      this.#drop();
      this.#session = null;
      this.#enter({ name: "ended", why, code: this.#code });
    }
    /** lost tries again after a delay that grows and is not the same for everybody. */
    #lost() {
      this.#drop();
      const longest = Math.min(FIRST_DELAY * 1.7 ** this.#attempts++, LAST_DELAY);
      this.#retryIn(longest * (0.5 + Math.random() / 2));
    }
    #retryIn(ms) {
      this.#enter({ name: "waiting", retryAt: Date.now() + ms });
      this.#retry = setTimeout(() => this.connect(), ms);
    }
    #receive(raw) {
      const frame = parse(raw);
      if (this.online) this.#expect(QUIET);
      switch (frame?.type) {
        case "authenticate":
          this.#challenged(frame.data);
          return;
        case "session":
          this.#sessionTold(frame.data);
          return;
        case "ping":
          this.#write({ type: "pong", data: frame.data });
          return;
        case "msg":
          this.#message(frame.data);
      }
    }
    #challenged(data) {
      if (data === false) this.#end("refused");
      if (typeof data === "boolean") return;
      this.#resuming = this.#session !== null;
      if (this.#resuming) {
        this.#write({ type: "session", data: this.#session });
        this.#session = null;
      } else {
        void this.#authenticate(this.#socket);
      }
    }
    async #authenticate(socket) {
      const given = await this.#credentials().catch(() => null);
      if (this.#socket !== socket) return;
      if (!given) {
        this.#lost();
        return;
      }
      this.#login = given.login;
      this.#write({
        type: "authenticate",
        data: { type: "authid", data: { tokens: { authId: given.authId }, login: given.login } }
      });
    }
    #sessionTold(data) {
      if (typeof data === "string") {
        this.#session = data;
      } else if (data === false) {
        this.#drop();
        this.#retryIn(0);
      } else {
        this.#end("dismissed");
      }
    }
    #message(data) {
      const e = readFrame(data);
      if (!e) return;
      if (this.#account !== null && e.type === this.#account) {
        if (this.online) this.emit("event", e.data);
      } else if (e.type === "ready" && this.#resuming) {
        this.#arrive(this.#account, true);
      } else if (e.type === "account") {
        this.#accountStage(e.data);
      } else if (e.type === "error") {
        this.#code = text(fields(e.data)?.error);
      }
    }
    /** accountStage is the part of the login that names the account (2.4). */
    #accountStage(data) {
      const e = readFrame(data);
      if (!e) this.#write({ type: "msg", data: { type: "login", data: { fUsername: this.#login } } });
      else if (e.type === "login") this.#arrive(text(e.data), false);
    }
    #arrive(account, resumed) {
      if (account === null) return;
      this.#account = account;
      this.#attempts = 0;
      this.#resuming = false;
      this.#expect(QUIET);
      this.#enter({ name: "online" });
      this.emit("online", { account, resumed });
    }
  };
  function parse(raw) {
    try {
      return typeof raw === "string" ? readFrame(JSON.parse(raw)) : null;
    } catch {
      return null;
    }
  }

  // demo/dom.ts
  function el(tag, attributes = {}, ...children) {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") e.addEventListener(name.slice(2), value);
      else if (value === true) e.setAttribute(name, "");
      else if (value !== false && value !== null && value !== void 0) e.setAttribute(name, String(value));
    }
    fill(e, ...children);
    return e;
  }
  function fill(parent, ...children) {
    parent.replaceChildren(...children.filter((c) => c !== null && c !== void 0 && c !== false));
  }
  function arrange(parent, nodes) {
    const focused = document.activeElement;
    let at = parent.firstChild;
    for (const node of nodes) {
      if (node === at) at = at.nextSibling;
      else parent.insertBefore(node, at);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
    if (focused instanceof HTMLElement && focused !== document.activeElement && parent.contains(focused)) focused.focus();
  }
  function setText(e, text2) {
    if (e.textContent !== text2) e.textContent = text2;
  }
  function soon(render) {
    let due = false;
    return () => {
      if (due) return;
      due = true;
      queueMicrotask(() => {
        due = false;
        render();
      });
    };
  }

  // demo/logo.ts
  function logo() {
    return el(
      "div",
      { class: "logo" },
      el("img", { src: "demo/icon.svg", alt: "", width: 32, height: 32 }),
      el("span", {}, "Presence"),
      el("span", { class: "chip" }, "Demo")
    );
  }

  // demo/route.ts
  function currentRoute() {
    const hash = location.hash;
    const room = /^#room=([^,]+)$/.exec(hash)?.[1] ?? null;
    const join = /^#join=([^,]+),([^,]+)$/.exec(hash);
    return { room, join: join ? { room: join[1], token: join[2] } : null };
  }
  function roomAddress(id) {
    return `#room=${id}`;
  }
  function inviteAddress(id, token) {
    const url = new URL(location.href);
    url.hash = `join=${id},${token}`;
    return url.href;
  }
  function go(address, replace = false) {
    if (address === (location.hash || "#")) return;
    const full = address === "#" ? location.pathname + location.search : address;
    if (replace) history.replaceState(null, "", full);
    else history.pushState(null, "", full);
    window.dispatchEvent(new Event("hashchange"));
  }

  // demo/avatar.ts
  var TONES = 6;
  function avatar(picture2, name, kind = "person") {
    if (picture2)
      return el("span", { class: `avatar ${kind}`, "aria-hidden": "true" }, el("img", { src: picture2, alt: "" }));
    return el("span", { class: `avatar ${kind} tone-${toneOf(name)}`, "aria-hidden": "true" }, initials(name));
  }
  function withPresence(picture2, online) {
    picture2.append(el("span", { class: online ? "dot online" : "dot" }));
    return picture2;
  }
  function toneOf(name) {
    let sum = 0;
    for (const c of name) sum = (sum * 7 + (c.codePointAt(0) ?? 0)) % 9973;
    return sum % TONES;
  }
  function initials(name) {
    const words = name.trim().split(/\s+/u).filter(Boolean);
    const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
    return ends.map((w) => [...w ?? ""][0] ?? "").join("").toUpperCase() || "?";
  }

  // demo/icons.ts
  var outlines = {
    plus: "M12 5v14M5 12h14",
    back: "M15 5l-7 7 7 7",
    close: "M6 6l12 12M18 6L6 18",
    send: "M5 12h13M12 5l7 7-7 7",
    down: "M12 5v13M6 12l6 6 6-6",
    check: "M5 12.5l4.5 4.5L19 7.5",
    tag: "M4 4h8l8.5 8.5-8 8L4 12zM8.2 8.2h.01",
    addPerson: "M10 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M19 8v6M16 11h6",
    people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.4a3.5 3.5 0 0 1 0 6.2M18.5 14.6c1.9.9 3 2.9 3 5.4",
    link: "M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7L12 17.7",
    leave: "M14 4H6a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h8M10 12h11M17 8l4 4-4 4",
    swap: "M4 8h14M14 4l4 4-4 4M20 16H6M10 12l-4 4 4 4",
    window: "M4 5h16v14H4zM4 9h16",
    speech: "M5 5h14a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-7l-5 4v-4H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z",
    phone: "M6.5 4h3l1.5 4-2 1.5a11 11 0 0 0 5.5 5.5l1.5-2 4 1.5v3a1.5 1.5 0 0 1-1.6 1.5A16.5 16.5 0 0 1 5 5.6 1.5 1.5 0 0 1 6.5 4z",
    hangUp: "M3.5 14.5c4.7-4.3 12.3-4.3 17 0l-2.2 2.8-3.6-1.6v-2.4a10 10 0 0 0-5.4 0v2.4l-3.6 1.6z",
    mic: "M12 3.5A2.5 2.5 0 0 1 14.5 6v5.5a2.5 2.5 0 0 1-5 0V6A2.5 2.5 0 0 1 12 3.5zM6 11.5a6 6 0 0 0 12 0M12 17.5V21",
    micOff: "M9.5 9.5v2a2.5 2.5 0 0 0 4 2M14.5 11V6a2.5 2.5 0 0 0-4.8-1M6 11.5a6 6 0 0 0 9.7 4.7M17.6 13.5a6 6 0 0 0 .4-2M12 17.5V21M4 4l16 16",
    camera: "M4 7h10a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1zM15 11l6-3v8l-6-3",
    cameraOff: "M6 7H4a1 1 0 0 0-1 1v8a1 1 0 0 0 1 1h10a1 1 0 0 0 .9-.6M10 7h4a1 1 0 0 1 1 1v3l6-3v8l-3-1.5M4 4l16 16",
    shield: "M12 3.5l7 2.5v5.5c0 4.2-2.9 7.4-7 9-4.1-1.6-7-4.8-7-9V6zM9 12l2.2 2.2L15.2 10"
  };
  var SVG = "http://www.w3.org/2000/svg";
  function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", outlines[name]);
    svg.append(path);
    return svg;
  }

  // demo/users.ts
  async function loadUsers() {
    const answer = await fetch("demo/users.json", { cache: "no-store" });
    if (!answer.ok) throw new Error(`the server answered with status ${answer.status}`);
    const users = await answer.json();
    return Array.isArray(users) ? users.filter(isUser) : [];
  }
  function isUser(value) {
    const u = value;
    return typeof u?.login === "string" && typeof u.name === "string" && typeof u.authId === "string";
  }
  var CHOSEN = "presence.demo.user";
  var chosen = {
    get: () => sessionStorage.getItem(CHOSEN),
    set: (login) => sessionStorage.setItem(CHOSEN, login),
    clear: () => sessionStorage.removeItem(CHOSEN)
  };
  function hold(login) {
    let release = () => {
    };
    const held = new Promise((resolve) => release = resolve);
    void navigator.locks?.request(CHOSEN + "." + login, { mode: "shared" }, () => held);
    return release;
  }
  async function taken() {
    const held = (await navigator.locks?.query())?.held ?? [];
    return new Set(held.map((l) => (l.name ?? "").replace(CHOSEN + ".", "")));
  }

  // demo/signin.ts
  function signIn(users, invited, choose) {
    const list = el("ul", { class: "users" });
    const page = el(
      "main",
      { class: "sign-in", id: "main" },
      el(
        "div",
        { class: "card" },
        logo(),
        el("h1", { tabindex: -1 }, invited ? "You are invited to a room" : "Who are you in this window?"),
        el("p", {}, invited ? "Choose a person to join it with." : "Choose one of the people of this demo."),
        list,
        el(
          "p",
          { class: "tip" },
          icon("window"),
          el(
            "span",
            {},
            "To talk with somebody, ",
            el("a", { href: "./", target: "_blank", rel: "noopener" }, "open a second window"),
            " and be another person there."
          )
        )
      ),
      el("p", { class: "small-print" }, "This demo runs on your own computer. Nothing leaves it.")
    );
    list.replaceChildren(...users.map((u) => userLine(u, choose)));
    void markTaken(list, users);
    return page;
  }
  function userLine(user, choose) {
    return el(
      "li",
      {},
      el(
        "button",
        { type: "button", "data-login": user.login, onclick: () => choose(user) },
        avatar(null, user.name),
        el("span", { class: "who" }, user.name, el("small", {}, `@${user.login}`)),
        el("span", { class: "go" }, icon("send"))
      )
    );
  }
  async function markTaken(list, users) {
    const busy = await taken();
    users.forEach((u, n) => {
      const note = list.children[n]?.querySelector("small");
      if (busy.has(u.login) && note) note.textContent = `@${u.login} · open in another window`;
    });
  }

  // demo/banner.ts
  var GOOD_NEWS = 3e3;
  var SOON = 2e3;
  var Banner = class {
    #connection;
    #text = el("span", { role: "status", "aria-live": "polite" });
    #count = el("span", { class: "countdown", "aria-hidden": "true" });
    #now = el("button", { type: "button", class: "text-button" }, "Try now");
    #undo;
    element = el(
      "div",
      { class: "banner", hidden: true },
      el("span", { class: "banner-dot" }),
      this.#text,
      this.#count,
      this.#now
    );
    #timer;
    #trouble = false;
    constructor(connection) {
      this.#connection = connection;
      this.#now.addEventListener("click", () => connection.wake());
      this.#undo = connection.on("state", (state) => this.#show(state));
      this.#show(connection.state);
    }
    close() {
      clearTimeout(this.#timer);
      this.#undo();
    }
    #show(state) {
      clearTimeout(this.#timer);
      switch (state.name) {
        case "connecting":
          this.#say(
            state.again || this.#trouble ? "trouble" : "busy",
            this.#trouble || state.again ? "Connection lost. Reconnecting…" : "Connecting…"
          );
          return;
        case "waiting":
          this.#trouble = true;
          this.#say(
            "trouble",
            this.#connection.account ? "Connection lost. Reconnecting…" : "The server cannot be reached. Trying again…"
          );
          this.#countDown(state.retryAt);
          return;
        case "online":
          if (this.#trouble) this.#say("good", "Connected again");
          this.#trouble = false;
          this.#timer = setTimeout(
            () => this.element.hidden = true,
            this.element.className.includes("good") ? GOOD_NEWS : 0
          );
          return;
        default:
          this.element.hidden = true;
      }
    }
    #say(kind, text2) {
      this.element.className = `banner ${kind}`;
      this.element.hidden = false;
      if (this.#text.textContent !== text2) this.#text.textContent = text2;
      fill(this.#count);
      this.#now.hidden = true;
    }
    /** countDown tells when the next attempt is, if that is not very soon. */
    #countDown(retryAt) {
      const left = retryAt - Date.now();
      if (left < SOON) return;
      this.#now.hidden = false;
      fill(this.#count, `next try in ${Math.ceil(left / 1e3)} s`);
      this.#timer = setTimeout(() => this.#countDown(retryAt), 500);
    }
  };

  // demo/calltile.ts
  var Tile = class {
    #video = el("video", { playsinline: true, "aria-hidden": "true" });
    #face = el("span", { class: "face" });
    #name = el("span", { class: "tile-name" });
    #mute = el(
      "span",
      { class: "tile-mute", hidden: true },
      icon("micOff"),
      el("span", { class: "sr-only" }, "muted")
    );
    #trouble = el("p", { class: "tile-trouble", hidden: true });
    element;
    #drawn = "";
    /** own pictures are mirrored and silent. */
    constructor(stream, own) {
      this.#video.srcObject = stream;
      this.#video.muted = own;
      this.element = el(
        "li",
        { class: own ? "tile own" : "tile" },
        this.#video,
        this.#face,
        this.#trouble,
        el("span", { class: "tile-label" }, this.#mute, this.#name)
      );
      stream.addEventListener("addtrack", () => void this.play());
      this.#video.addEventListener("loadedmetadata", () => void this.play());
    }
    /** play says whether the browser lets us: some want a click before there is sound. */
    async play() {
      if (!this.#video.paused) return true;
      try {
        await this.#video.play();
        return true;
      } catch (err) {
        return !(err instanceof DOMException && err.name === "NotAllowedError");
      }
    }
    show(look) {
      const drawn = JSON.stringify(look);
      if (drawn === this.#drawn) return;
      this.#drawn = drawn;
      this.element.classList.toggle("visible", look.visible);
      this.element.classList.toggle("speaking", look.speaking);
      this.element.classList.toggle("waiting", look.trouble !== "");
      fill(this.#face, avatar(look.avatar, look.name));
      setText(this.#name, look.name);
      this.#mute.hidden = !look.muted;
      this.#trouble.hidden = look.trouble === "";
      setText(this.#trouble, look.trouble);
    }
    close() {
      this.#video.srcObject = null;
      this.element.remove();
    }
  };

  // demo/words.ts
  var meanings = {
    ERR_OFFLINE: "There is no connection to the server right now.",
    ERR_NO_ANSWER: "The server did not answer in time.",
    ERR_NOT_ADMIN: "Only the one who made the room may do that.",
    ERR_INVALID_NAME: "A name needs 1 to 191 characters.",
    ERR_ALREADY_PERSISTENT: "The room has a name already.",
    ERR_COULD_NOT_JOIN: "This invite link does not work, or not any more.",
    ERR_NOT_STORED: "The server could not save it. Please try again.",
    ERR_CREATE_FAILED: "The server could not make the room. Please try again.",
    ERR_MESSAGE_TOO_LONG: "The message is too long.",
    ERR_INVALID_ID: "This person is not known to the server.",
    ERR_CALL_FULL: "The call is full: the room does not allow more people in it.",
    ERR_NO_RELAY: "The room hides addresses in calls, and the server cannot do that at the moment.",
    ERR_HIDDEN_FOR_ALL: "The server hides addresses in all rooms; that cannot be switched off here.",
    ERR_LEAVE_FAILED: "The server could not take you out of the room. Please try again."
  };
  function reason(err) {
    return reasonOf(err instanceof Refused ? err.code : "ERR_UNKNOWN");
  }
  function reasonOf(code) {
    return meanings[code] ?? `The server refused it (${code}).`;
  }
  var TEMPORARY = "[ temp ] created by: ";
  function titleOf(room) {
    if (room.persistent || !room.name.startsWith(TEMPORARY)) return room.name || "Room without a name";
    return `${possessive(room.name.slice(TEMPORARY.length))} room`;
  }
  function possessive(name) {
    return `${name}${name.endsWith("s") ? "’" : "’s"}`;
  }
  function firstName(name) {
    return name.trim().split(/\s+/u)[0] ?? name;
  }
  function listed(names) {
    if (names.length < 2) return names.join("");
    return `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
  }
  var problems = {
    denied: "is not allowed for this page",
    none: "was not found",
    busy: "does not work, or another program uses it",
    unavailable: "is not given to pages from an unsafe address"
  };
  function missingDevices(media) {
    const audio = media.problem("audio");
    const video = media.problem("video");
    if (audio && video) {
      const why = audio === video ? `Neither microphone nor camera: ${both[audio]}.` : "Neither microphone nor camera can be used.";
      return `${why} You can watch and listen, and write.`;
    }
    if (video) return `The camera ${problems[video]}. The others hear you and do not see you.`;
    if (audio) return `The microphone ${problems[audio]}. The others see you and do not hear you.`;
    return "";
  }
  var both = {
    denied: "this page is not allowed to use them",
    none: "none was found",
    busy: "they do not work, or another program uses them",
    unavailable: "pages from an unsafe address get none"
  };

  // demo/callview.ts
  var troubles = { connecting: "Connecting…", interrupted: "Interrupted. Reconnecting…", connected: "" };
  var CallView = class {
    room;
    #ports;
    #tiles = el("ul", { class: "tiles", "aria-label": "People in the call" });
    #status = el("p", { class: "call-status", role: "status", "aria-live": "polite" });
    #note = el("p", { class: "call-note" });
    #hidden = el("p", { class: "call-hidden", hidden: true }, icon("shield"), "Addresses are hidden");
    #where = el("strong");
    #title = el("button", { type: "button", class: "call-title" }, el("small", {}, "In a call"), this.#where);
    #sound = el("button", { type: "button", class: "quiet small", hidden: true }, "Switch the sound on");
    #microphone;
    #camera;
    #leave;
    #shown = /* @__PURE__ */ new Map();
    #undo;
    element;
    constructor(room, ports) {
      this.room = room;
      this.#ports = ports;
      this.#microphone = toggle("Microphone", () => void room.live.media?.mute(!room.live.media.muted));
      this.#camera = toggle("Camera", () => void room.live.media?.blind(!room.live.media.blinded));
      this.#leave = el(
        "button",
        { type: "button", class: "danger call-leave", onclick: () => ports.leave() },
        icon("hangUp"),
        el("span", {}, "Leave call")
      );
      this.#title.addEventListener("click", () => ports.open());
      this.#sound.addEventListener("click", () => void this.#play());
      this.element = el(
        "section",
        { class: "call", "aria-label": "Call" },
        this.#title,
        this.#tiles,
        this.#status,
        this.#note,
        el("div", { class: "call-controls" }, this.#hidden, this.#sound, this.#microphone, this.#camera, this.#leave)
      );
      const render = soon(() => this.#render());
      this.#undo = [
        room.live.on("change", render),
        ports.account.identities.on("change", render),
        room.on("named", render)
      ];
      this.#render();
    }
    close() {
      for (const undo of this.#undo) undo();
      for (const tile of this.#shown.values()) tile.close();
      this.element.remove();
    }
    focus() {
      this.#microphone.focus();
    }
    /** place puts the call beside its room, or makes it small in another place. */
    place(where, small) {
      this.element.classList.toggle("mini", small);
      if (this.element.parentElement === where) return;
      where.append(this.element);
      void this.#play();
    }
    async #play() {
      const allowed = await Promise.all([...this.#shown.values()].map((tile) => tile.play()));
      this.#sound.hidden = allowed.every(Boolean);
    }
    #render() {
      const live = this.room.live;
      const media = live.media;
      if (!media) return;
      this.#renderTiles();
      setText(this.#where, titleOf(this.room));
      setText(this.#status, this.#state());
      setText(this.#note, live.state === "joining" ? "" : missingDevices(media));
      this.#hidden.hidden = !live.hidden;
      show(this.#microphone, !media.muted, "mic", "micOff");
      show(this.#camera, !media.blinded, "camera", "cameraOff");
      for (const button of [this.#microphone, this.#camera]) {
        button.setAttribute("aria-disabled", String(live.state === "joining"));
      }
    }
    #state() {
      const live = this.room.live;
      if (live.state === "joining") return "Joining. The browser may ask for your microphone and camera…";
      if (!live.reachable)
        return "The connection to the server is lost, reconnecting. Sound and picture go on meanwhile if they can.";
      return live.peers.length === 0 ? "Nobody else is in the call yet." : "";
    }
    #renderTiles() {
      const live = this.room.live;
      const keys = [...live.peers, "self"];
      for (const [key, tile] of this.#shown) {
        if (keys.includes(key)) continue;
        tile.close();
        this.#shown.delete(key);
      }
      const nodes = keys.map((key) => {
        const tile = this.#shown.get(key) ?? this.#make(key);
        tile.show(key === "self" ? this.#ownLook() : this.#lookOf(key));
        return tile.element;
      });
      arrange(this.#tiles, nodes);
      this.#tiles.dataset.count = String(Math.min(nodes.length, 10));
    }
    #make(key) {
      const stream = key === "self" ? this.room.live.media?.stream : key.stream;
      const tile = new Tile(stream ?? new MediaStream(), key === "self");
      if (key !== "self") tile.element.dataset.peer = key.id;
      this.#shown.set(key, tile);
      queueMicrotask(() => void this.#play());
      return tile;
    }
    #lookOf(peer) {
      const identity = this.#ports.account.identities.get(peer.id);
      return {
        name: identity?.name ?? "Somebody",
        avatar: identity?.avatar ?? null,
        visible: peer.visible,
        muted: peer.muted && peer.state === "connected",
        speaking: this.room.live.speaker === peer.id && !peer.muted,
        trouble: troubles[peer.state]
      };
    }
    #ownLook() {
      const media = this.room.live.media;
      const identity = this.#ports.account.identity;
      return {
        name: "You",
        avatar: identity?.avatar ?? null,
        visible: media?.blinded === false,
        muted: media?.muted === true && this.room.live.state === "in",
        speaking: media?.muted === false && this.room.live.speaker === this.#ports.account.id,
        trouble: ""
      };
    }
  };
  function toggle(label, act) {
    const button = el("button", { type: "button", class: "round call-toggle", "aria-label": label, title: label });
    button.addEventListener("click", () => button.getAttribute("aria-disabled") !== "true" && act());
    return button;
  }
  function show(button, on, whenOn, whenOff) {
    if (button.getAttribute("aria-pressed") === String(on)) return;
    button.setAttribute("aria-pressed", String(on));
    fill(button, icon(on ? whenOn : whenOff));
  }

  // demo/calls.ts
  var Calls = class {
    #ports;
    #watched = /* @__PURE__ */ new Map();
    #corner;
    #view = null;
    #room = null;
    /** corner is where the call is while another room is open. */
    constructor(corner, ports) {
      this.#corner = corner;
      this.#ports = ports;
    }
    /** close leaves the call. */
    close() {
      for (const undo of [...this.#watched.values()].flat()) undo();
      this.#watched.clear();
      this.leave();
    }
    /** watch tells what happens to the call of a room. */
    watch(room) {
      if (this.#watched.has(room)) return;
      this.#watched.set(room, [
        room.live.on("change", () => this.#changed(room)),
        room.live.on("joined", (id) => this.#told(room, id, true)),
        room.live.on("left", (id) => this.#told(room, id, false)),
        room.live.on("ended", ({ why, code }) => this.#ended(room, why, code))
      ]);
    }
    /** forget is for rooms that are gone. */
    forget(room) {
      for (const undo of this.#watched.get(room) ?? []) undo();
      this.#watched.delete(room);
      this.#changed(room);
    }
    /** join enters the call of a room, or begins one; another call is left for it. */
    async join(room) {
      if (this.#view && this.#view.room !== room) this.leave();
      try {
        await room.live.join({ audio: true, video: true });
      } catch (err) {
        this.#ports.notices.warn(reason(err));
      }
    }
    leave() {
      this.#view?.room.live.leave();
    }
    /** beside says which room is open. */
    beside(room) {
      this.#room = room;
      this.#place();
    }
    #changed(room) {
      const on = room.live.state !== "out";
      if (on && !this.#view) {
        this.#view = new CallView(room, {
          account: this.#ports.account,
          open: () => this.#ports.open(room),
          leave: () => this.#left()
        });
        this.#place();
        this.#view.focus();
      } else if (!on && this.#view?.room === room) {
        this.#view.close();
        this.#view = null;
      }
    }
    /** left is the user's wish; the focus goes where the call can be joined again. */
    #left() {
      this.leave();
      this.#room?.focusCall();
    }
    #place() {
      const here = this.#room !== null && this.#room.room === this.#view?.room;
      this.#view?.place(here && this.#room ? this.#room.callPlace : this.#corner, !here);
    }
    #told(room, id, joined) {
      if (id === this.#ports.account.id) return;
      const name = firstName(this.#ports.account.identities.get(id)?.name ?? "Somebody");
      const first = joined && room.live.people.length === 1;
      const what = first ? "started a call" : `${joined ? "joined" : "left"} the call`;
      if (this.#room?.room === room)
        this.#ports.notices.announce(`${name} ${what}.`);
      else if (this.#view?.room === room) this.#ports.notices.say(`${name} ${what}.`);
      else if (first) this.#ports.notices.say(`${name} ${what} in “${titleOf(room)}”.`);
    }
    #ended(room, why, code) {
      const notices = this.#ports.notices;
      if (why === "elsewhere") notices.say("The call goes on in another window of yours.");
      else if (why === "removed" && !room.here)
        return;
      else if (why === "removed") notices.warn(`You are not in the call of “${titleOf(room)}” any more.`);
      else notices.warn(`The call could not be taken up again. ${reasonOf(code ?? "ERR_UNKNOWN")}`);
    }
  };

  // demo/dialog.ts
  var lastId = 0;
  function openDialog(title, ...body) {
    const id = `dialog-${++lastId}`;
    const close = el(
      "button",
      { type: "button", class: "plain round", "aria-label": "Close", onclick: () => dialog.close() },
      icon("close")
    );
    const dialog = el(
      "dialog",
      { class: "dialog", "aria-labelledby": id },
      el("header", {}, el("h2", { id }, title), close),
      ...body
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      placeCaret();
    });
    dialog.addEventListener("pointerdown", (e) => {
      if (e.target === dialog && outside(dialog, e)) dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  }
  function placeCaret() {
    const at = document.activeElement;
    if (at instanceof HTMLTextAreaElement) at.setSelectionRange(at.value.length, at.value.length);
  }
  function outside(dialog, e) {
    const box = dialog.getBoundingClientRect();
    return e.clientX < box.left || e.clientX > box.right || e.clientY < box.top || e.clientY > box.bottom;
  }
  function closeDialogs() {
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  }
  function errorLine() {
    return el("p", { class: "error", role: "alert" });
  }

  // demo/notices.ts
  var STAYS = 6e3;
  var Notices = class {
    #quiet = el("div", { class: "notices", role: "status", "aria-live": "polite" });
    #loud = el("div", { class: "notices loud", role: "alert" });
    #spoken = el("p", { class: "sr-only", role: "status", "aria-live": "polite" });
    element = el("div", { class: "notice-stack" }, this.#quiet, this.#loud, this.#spoken);
    say(text2) {
      this.#show(this.#quiet, text2);
    }
    /** warn tells of something that went wrong. */
    warn(text2) {
      this.#show(this.#loud, text2);
    }
    /** announce speaks what everybody else sees anyway. */
    announce(text2) {
      this.#spoken.textContent = text2;
    }
    #show(where, text2) {
      const notice = el("p", { class: "notice" }, text2);
      where.append(notice);
      setTimeout(() => notice.remove(), STAYS);
    }
  };

  // demo/format.ts
  var timeFormat = new Intl.DateTimeFormat(void 0, { hour: "2-digit", minute: "2-digit" });
  var dayFormat = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
  var yearFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
  var shortDayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
  var fullFormat = new Intl.DateTimeFormat(void 0, { dateStyle: "full", timeStyle: "short" });
  function timeOfDay(ms) {
    return timeFormat.format(ms);
  }
  function fullTime(ms) {
    return fullFormat.format(ms);
  }
  function dayOf(ms) {
    return new Date(ms).setHours(0, 0, 0, 0);
  }
  function dayName(ms, now = Date.now()) {
    const days = Math.round((dayOf(now) - dayOf(ms)) / 864e5);
    if (days === 0) return "Today";
    if (days === 1) return "Yesterday";
    return (days > 0 && days < 300 ? dayFormat : yearFormat).format(ms);
  }
  function when(ms, now = Date.now()) {
    return dayOf(ms) === dayOf(now) ? timeOfDay(ms) : shortDayFormat.format(ms);
  }
  function count(n, one, many = `${one}s`) {
    return `${n} ${n === 1 ? one : many}`;
  }

  // demo/roomlist.ts
  var RoomList = class {
    #account;
    #list = el("ul", { class: "rooms" });
    #empty = el(
      "p",
      { class: "rooms-empty", hidden: true },
      "No rooms yet. Make one, or open an invite link that somebody gave you."
    );
    #shown = /* @__PURE__ */ new Map();
    element = el("nav", { class: "room-list", "aria-label": "Rooms" }, this.#list, this.#empty);
    render = soon(() => this.#render());
    #current = null;
    constructor(account) {
      this.#account = account;
    }
    /** select marks the open room. */
    select(id) {
      this.#current = id;
      this.#render();
    }
    /** focus goes to the open room, or to the first one. */
    focus() {
      const link2 = this.#list.querySelector("[aria-current]") ?? this.#list.querySelector("a");
      link2?.focus();
    }
    #render() {
      const rooms = this.#account.rooms;
      const at = new Map(rooms.map((r, n) => [r.id, r.lastMessage?.time ?? n]));
      rooms.sort((a, b) => (at.get(b.id) ?? 0) - (at.get(a.id) ?? 0));
      arrange(
        this.#list,
        rooms.map((room) => this.#node(room))
      );
      for (const id of this.#shown.keys()) if (!this.#account.room(id)) this.#shown.delete(id);
      this.#empty.hidden = !this.#account.ready || rooms.length > 0;
    }
    #node(room) {
      const preview = this.#preview(room);
      const last = room.lastMessage?.time;
      const current = room.id === this.#current;
      const unread = current && document.visibilityState === "visible" ? 0 : room.unread;
      const calling = room.live.people.length > 0;
      const look = [titleOf(room), room.avatar, preview, last, unread, current, calling].join("|");
      const old = this.#shown.get(room.id);
      if (old?.look === look) return old.node;
      const node = old?.node ?? el("li", {}, el("a", { href: roomAddress(room.id) }));
      this.#fill(node.firstElementChild, room, preview, unread, current);
      this.#shown.set(room.id, { look, node });
      return node;
    }
    #fill(link2, room, preview, unread, current) {
      const last = room.lastMessage?.time;
      if (current) link2.setAttribute("aria-current", "page");
      else link2.removeAttribute("aria-current");
      link2.replaceChildren(
        avatar(room.avatar, titleOf(room), "room"),
        el(
          "span",
          { class: "room-line" },
          el("strong", {}, titleOf(room)),
          room.live.people.length > 0 && el("span", { class: "calling" }, icon("phone"), el("span", { class: "sr-only" }, "a call is going on")),
          el("small", {}, last ? when(last) : "")
        ),
        el(
          "span",
          { class: "room-line" },
          el("span", { class: "preview" }, preview),
          unread > 0 && el(
            "span",
            { class: "badge" },
            unread > 99 ? "99+" : String(unread),
            el("span", { class: "sr-only" }, ` ${count(unread, "new message")}`.replace(/^ \d+/, ""))
          )
        )
      );
    }
    #preview(room) {
      const last = room.lastMessage;
      if (!last) return room.persistent ? "Nothing said yet" : "Temporary room";
      const author = last.fromId === this.#account.id ? "You" : firstName(last.name);
      return `${author}: ${last.text.replace(/\s+/gu, " ").slice(0, 120)}`;
    }
  };

  // demo/invitedialog.ts
  function openInviteDialog(room) {
    const link2 = el("input", {
      id: "invite-link",
      type: "text",
      readonly: true,
      value: "",
      placeholder: "One moment…",
      "aria-describedby": "invite-help"
    });
    const copy = el("button", { class: "primary", type: "button", disabled: true, autofocus: true }, "Copy link");
    const error = errorLine();
    const copied = el("p", { class: "sr-only", role: "status" });
    copy.addEventListener("click", () => void copyText());
    openDialog(
      "Invite with a link",
      el(
        "p",
        { class: "help", id: "invite-help" },
        `Whoever opens this link in another window and chooses a person joins “${titleOf(room)}”.`
      ),
      el("div", { class: "field-row" }, el("label", { class: "sr-only", for: "invite-link" }, "Invite link"), link2, copy),
      error,
      copied
    );
    void load();
    async function load() {
      try {
        link2.value = inviteAddress(room.id, await room.inviteToken());
        copy.disabled = false;
        copy.focus();
      } catch (err) {
        error.textContent = reason(err);
      }
    }
    async function copyText() {
      try {
        await navigator.clipboard.writeText(link2.value);
        setText(copy, "Copied");
        copied.textContent = "The link was copied.";
      } catch {
        link2.select();
        error.textContent = "This browser does not let pages copy. The link is selected: press Ctrl+C.";
      }
    }
  }

  // demo/adddialog.ts
  var PAUSE2 = 200;
  function openAddDialog(account, room, suggestions) {
    new AddDialog(account, room, suggestions);
  }
  var AddDialog = class {
    #account;
    #room;
    #suggestions;
    #input = el("input", {
      id: "person",
      type: "search",
      autocomplete: "off",
      autofocus: true,
      placeholder: "Part of a name"
    });
    #results = el("ul", { class: "people", "aria-label": "People found" });
    #state = el("p", { class: "help", role: "status" });
    #error = errorLine();
    #dialog;
    #timer;
    #turn = 0;
    constructor(account, room, suggestions) {
      this.#account = account;
      this.#room = room;
      this.#suggestions = suggestions;
      this.#input.addEventListener("input", () => {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.#search(), PAUSE2);
      });
      this.#dialog = openDialog(
        "Add a person",
        el("div", { class: "stack" }, el("label", { for: "person" }, "Search"), this.#input),
        this.#results,
        this.#state,
        this.#error,
        el(
          "p",
          { class: "help" },
          "Nobody to be found? ",
          el(
            "button",
            { type: "button", class: "text-button", onclick: () => this.#inviteInstead() },
            "Invite with a link"
          ),
          " works for everybody."
        )
      );
      void this.#search();
    }
    #inviteInstead() {
      this.#dialog.close();
      openInviteDialog(this.#room);
    }
    async #search() {
      const turn = ++this.#turn;
      const needle = this.#input.value.trim();
      try {
        const found = await find(this.#account, needle ? [needle] : this.#suggestions);
        if (turn === this.#turn)
          this.#show(
            found.filter((i) => i.clientId !== this.#account.id),
            needle
          );
      } catch (err) {
        if (turn === this.#turn) this.#error.textContent = reason(err);
      }
    }
    #show(people, needle) {
      fill(this.#results, ...people.map((person) => this.#choice(person)));
      this.#state.textContent = people.length > 0 ? "" : nobody(needle);
      this.#error.textContent = "";
    }
    #choice(person) {
      const button = el("button", { type: "button", class: "quiet small", "aria-label": `Add ${person.name}` }, "Add");
      button.addEventListener("click", () => void this.#add(person, button));
      return el(
        "li",
        {},
        withPresence(avatar(person.avatar, person.name), person.isOnline),
        el("span", { class: "who" }, person.name, el("small", {}, person.isOnline ? "online" : "offline")),
        this.#room.members.includes(person.clientId) ? done() : button
      );
    }
    async #add(person, button) {
      button.disabled = true;
      try {
        await this.#room.add(person.clientId);
        button.replaceWith(done());
        this.#state.textContent = `${person.name} is in the room now.`;
      } catch (err) {
        button.disabled = false;
        this.#error.textContent = reason(err);
      }
      this.#input.focus();
    }
  };
  function done() {
    return el("span", { class: "done" }, icon("check"), "in the room");
  }
  async function find(account, needles) {
    const found = (await Promise.all(needles.map((n) => account.searchUsers(n)))).flat();
    return [...new Map(found.map((i) => [i.clientId, i])).values()];
  }
  function nobody(needle) {
    return needle ? `Nobody is called “${needle}”. People can be found once they have signed in.` : "Nobody else has signed in yet. Open a second window and choose another person there.";
  }

  // demo/composer.ts
  var TALLEST = 180;
  var Composer = class {
    #room;
    #sent;
    #input = el("textarea", {
      id: "composer",
      rows: 1,
      enterkeyhint: "send",
      autocomplete: "off",
      "aria-describedby": "composer-help"
    });
    #send = el(
      "button",
      { type: "submit", class: "primary send", "aria-label": "Send message", disabled: true },
      icon("send")
    );
    element = el(
      "form",
      { class: "composer" },
      el("label", { class: "sr-only", for: "composer" }, "Message"),
      el("div", { class: "composer-field" }, this.#input, this.#send),
      el(
        "p",
        { id: "composer-help", class: "composer-help" },
        el("kbd", {}, "Enter"),
        " sends, ",
        el("kbd", {}, "Shift"),
        " + ",
        el("kbd", {}, "Enter"),
        " begins a new line"
      )
    );
    constructor(room, sent) {
      this.#room = room;
      this.#sent = sent;
      this.#input.placeholder = `Write to ${titleOf(room)}`;
      this.#input.addEventListener("input", () => this.#changed());
      this.#input.addEventListener("keydown", (e) => this.#key(e));
      this.element.addEventListener("submit", (e) => {
        e.preventDefault();
        this.#submit();
      });
    }
    /** draft is what has been typed and not sent. */
    get draft() {
      return this.#input.value;
    }
    set draft(text2) {
      this.#input.value = text2;
      this.#grow();
    }
    focus() {
      this.#input.focus({ preventScroll: true });
    }
    retitle() {
      const placeholder = `Write to ${titleOf(this.#room)}`;
      if (this.#input.placeholder !== placeholder) this.#input.placeholder = placeholder;
    }
    #changed() {
      this.#grow();
      this.#room.chat.typing(this.#input.value !== "");
    }
    #key(e) {
      if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
      e.preventDefault();
      this.#submit();
    }
    #submit() {
      const text2 = this.#input.value.trim();
      if (text2 === "") return;
      this.draft = "";
      this.#room.chat.write(text2);
      this.focus();
      this.#sent();
    }
    #grow() {
      this.#send.disabled = this.#input.value.trim() === "";
      this.#input.style.height = "auto";
      this.#input.style.height = `${Math.min(this.#input.scrollHeight, TALLEST)}px`;
    }
  };

  // demo/details.ts
  var HIDING = "Sound and picture then go through the server, so that nobody learns where the others are. Counts from the next call on.";
  var lastId2 = 0;
  var Details = class {
    #account;
    #room;
    #heading = el("h2", {});
    #people = el("ul", { class: "people" });
    #name = el("button", { type: "button", class: "row-button" });
    #hide = el("input", { type: "checkbox", id: `hide-addresses-${++lastId2}` });
    #hiding;
    #hideError = errorLine();
    #undo;
    element;
    #saving = false;
    constructor(account, room, actions) {
      this.#account = account;
      this.#room = room;
      this.#name.addEventListener("click", actions.name);
      this.#hide.addEventListener("change", () => void this.#hideAddresses());
      this.#hiding = el(
        "div",
        { class: "rows choice", hidden: true },
        el("label", { for: this.#hide.id }, this.#hide, "Hide addresses in calls"),
        el("p", { class: "help", id: `${this.#hide.id}-help` }, HIDING),
        this.#hideError
      );
      this.#hide.setAttribute("aria-describedby", `${this.#hide.id}-help`);
      this.element = el(
        "div",
        { class: "details" },
        this.#heading,
        this.#people,
        el(
          "div",
          { class: "rows" },
          row("addPerson", "Add a person", actions.add),
          row("link", "Invite with a link", actions.invite)
        ),
        this.#hiding,
        el("div", { class: "rows" }, this.#name, row("leave", "Leave room", actions.leave, "danger-text"))
      );
      const render = soon(() => this.#render());
      this.#undo = [room.on("change", render), account.identities.on("change", render)];
      this.#render();
    }
    close() {
      for (const undo of this.#undo) undo();
    }
    #render() {
      const known = this.#room.members.map((id) => this.#account.identities.get(id)).filter((i) => i !== void 0);
      known.sort((a, b) => Number(b.isOnline) - Number(a.isOnline) || a.name.localeCompare(b.name));
      setText(this.#heading, this.#room.known ? count(this.#room.members.length, "person", "people") : "People");
      fill(this.#people, ...known.map((i) => this.#person(i)));
      this.#renderHiding();
      this.#name.hidden = !this.#room.mayRename;
      fill(this.#name, icon("tag"), this.#room.persistent ? "Rename room" : "Name this room");
    }
    #renderHiding() {
      const hides = this.#room.hidesAddresses;
      this.#hiding.hidden = hides === null || !this.#room.mayRename;
      this.#hide.disabled = this.#saving || !this.#room.here;
      if (!this.#saving) this.#hide.checked = hides === true;
    }
    async #hideAddresses() {
      this.#saving = true;
      this.#hideError.textContent = "";
      try {
        await this.#room.hideAddresses(this.#hide.checked);
      } catch (err) {
        this.#hideError.textContent = reason(err);
      }
      this.#saving = false;
      this.#renderHiding();
    }
    #person(i) {
      const online = this.#room.here && i.isOnline;
      const notes = [
        this.#room.here && (online ? "online" : "offline"),
        i.clientId === this.#account.id && "you",
        i.clientId === this.#room.ownerId && "made the room"
      ].filter((n) => n !== false);
      return el(
        "li",
        { class: online ? "" : "away" },
        withPresence(avatar(i.avatar, i.name), online),
        el("span", { class: "who" }, i.name, el("small", {}, notes.join(" · ")))
      );
    }
  };
  function row(name, text2, act, extra = "") {
    return el("button", { type: "button", class: `row-button ${extra}`, onclick: act }, icon(name), text2);
  }

  // demo/leavedialog.ts
  function openLeaveDialog(room) {
    const error = errorLine();
    const leave = el("button", { class: "danger", type: "button", onclick: () => void submit() }, "Leave room");
    const dialog = openDialog(
      `Leave “${titleOf(room)}”?`,
      el("p", {}, consequence(room)),
      error,
      el(
        "footer",
        {},
        el("button", { type: "button", class: "quiet", autofocus: true, onclick: () => dialog.close() }, "Stay"),
        leave
      )
    );
    async function submit() {
      leave.disabled = true;
      try {
        await room.leave();
        dialog.close();
      } catch (err) {
        error.textContent = reason(err);
        leave.disabled = false;
      }
    }
  }
  function consequence(room) {
    if (room.members.length <= 1)
      return "You are the last one here: nobody can come back to this room or read what was said.";
    return "You will not see what is said from now on. Somebody in the room can add you again.";
  }

  // demo/messagetext.ts
  var ADDRESS = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'’”]/giu;
  function messageText(text2) {
    const parts = [];
    let from = 0;
    for (const found of text2.matchAll(ADDRESS)) {
      parts.push(text2.slice(from, found.index), link(found[0]));
      from = found.index + found[0].length;
    }
    parts.push(text2.slice(from));
    return parts;
  }
  function link(address) {
    if (!URL.canParse(address)) return address;
    return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, address);
  }

  // demo/messages.ts
  var TOGETHER = 5 * 6e4;
  function itemsOf(content) {
    const items = [];
    let before = null;
    for (const m of content.messages) {
      const newDay = !before || dayOf(before.time) !== dayOf(m.time);
      const isNew = m.msgId === content.newFrom;
      if (newDay) items.push(divider(`day-${dayOf(m.time)}`, dayName(m.time), "day"));
      if (isNew) items.push(divider("new", "New messages", "new"));
      const first = newDay || isNew || before?.fromId !== m.fromId || before.name !== m.name || m.time - before.time > TOGETHER;
      items.push(messageItem(content, m, first));
      before = m;
    }
    const mine = before !== null && before.fromId === content.self;
    content.outbox.forEach((o, n) => items.push(outgoingItem(content, o, n === 0 && !mine)));
    return items;
  }
  function divider(key, text2, kind) {
    return { key, look: text2, make: () => el("li", { class: `divider ${kind}` }, el("span", {}, text2)) };
  }
  function messageItem(content, m, first) {
    const own = m.fromId !== null && m.fromId === content.self;
    const identity = content.identities.get(m.fromId);
    const name = identity?.name ?? m.name;
    return {
      key: m.msgId,
      look: [first, own, name, identity?.lastUpdate].join("|"),
      make: () => el(
        "li",
        { class: classes(own, first), "data-message": m.msgId },
        !own && (first ? avatar(identity?.avatar, name) : el("span", { class: "avatar-space" })),
        el(
          "div",
          { class: "message-body" },
          own || !first ? el("span", { class: "sr-only" }, own ? "You: " : `${name}: `) : el("p", { class: "author" }, name),
          bubble(m.text, m.time)
        )
      )
    };
  }
  function classes(own, first) {
    return `message${own ? " own" : ""}${first ? " first" : ""}`;
  }
  function bubble(text2, time) {
    return el(
      "div",
      { class: "bubble" },
      el("p", { class: "text", dir: "auto" }, ...messageText(text2)),
      el("time", { datetime: new Date(time).toISOString(), title: fullTime(time) }, timeOfDay(time))
    );
  }
  function outgoingItem(content, o, first) {
    return {
      key: `out-${o.key}`,
      look: [first, o.status, o.failure?.code].join("|"),
      make: () => el(
        "li",
        { class: `${classes(true, first)} ${o.status}` },
        el(
          "div",
          { class: "message-body" },
          el("span", { class: "sr-only" }, "You: "),
          bubble(o.text, o.time),
          fate(content, o)
        )
      )
    };
  }
  function fate(content, o) {
    if (o.status === "sending") return el("p", { class: "fate late" }, "Sending…");
    if (o.status === "waiting") return el("p", { class: "fate" }, "Will be sent when the connection is back");
    return el(
      "div",
      { class: "fate failed", role: "alert" },
      el("span", {}, `Not sent. ${o.failure?.text ?? reason(new Refused(o.failure?.code ?? ""))}`),
      el("button", { type: "button", class: "text-button", onclick: () => content.retry(o.key) }, "Try again"),
      el("button", { type: "button", class: "text-button", onclick: () => content.discard(o.key) }, "Discard")
    );
  }

  // demo/logview.ts
  var NEAR_END = 60;
  var NEAR_START = 240;
  var LogView = class {
    #account;
    #room;
    #start = el("li", { class: "log-start" });
    #list = el("ol", { class: "messages" });
    #scroller;
    #jump = el("button", { type: "button", class: "jump", hidden: true }, "New messages", icon("down"));
    #empty;
    #shown = /* @__PURE__ */ new Map();
    #undo;
    #resized;
    element;
    #atEnd = true;
    #first = "";
    #reading = false;
    #newCount = 0;
    #newFrom = null;
    #stuck = false;
    /** moved is called when the end of the log comes into sight or leaves it. */
    constructor(account, room, empty, moved) {
      this.#account = account;
      this.#room = room;
      this.#empty = empty;
      this.#scroller = el("section", { class: "log", tabindex: 0, "aria-label": "Messages" }, this.#list, this.#empty);
      this.element = el("div", { class: "log-frame" }, this.#scroller, this.#jump);
      const render = soon(() => this.#render());
      this.#undo = [room.on("change", render), account.identities.on("change", render)];
      this.#scroller.addEventListener("scroll", () => this.#scrolled(moved), { passive: true });
      this.#jump.addEventListener("click", () => this.toEnd());
      this.#resized = new ResizeObserver(() => this.#atEnd && this.toEnd());
      this.#resized.observe(this.#scroller);
      this.#resized.observe(this.#list);
      this.#render();
    }
    /** Whether the newest message is in sight. */
    get atEnd() {
      return this.#atEnd;
    }
    close() {
      this.#resized.disconnect();
      for (const undo of this.#undo) undo();
    }
    toEnd() {
      this.#atEnd = true;
      this.#jump.hidden = true;
      this.#scroller.scrollTop = this.#scroller.scrollHeight;
    }
    /** markNew draws a line before so many messages of others. */
    markNew(count2) {
      this.#newCount = count2;
      this.#render();
    }
    #scrolled(moved) {
      const box = this.#scroller;
      const was = this.#atEnd;
      this.#atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
      if (this.#atEnd) this.#jump.hidden = true;
      if (was !== this.#atEnd) moved();
      this.#readOlder();
    }
    #render() {
      const chat = this.#room.chat;
      this.#placeNewLine();
      const items = itemsOf({
        self: this.#account.id,
        identities: this.#account.identities,
        messages: chat.messages,
        outbox: chat.outbox,
        newFrom: this.#newFrom,
        retry: (key) => chat.retry(key),
        discard: (key) => chat.discard(key)
      });
      const height = this.#scroller.scrollHeight;
      const grew = items.length > this.#shown.size;
      const first = chat.messages[0]?.msgId ?? "";
      const older = first !== this.#first && this.#first !== "";
      arrange(this.#list, [this.#startLine(items.length), ...this.#nodes(items)]);
      this.#empty.hidden = !chat.loaded || items.length > 0;
      this.#first = first;
      if (this.#atEnd) this.toEnd();
      else if (older) this.#scroller.scrollTop += this.#scroller.scrollHeight - height;
      else if (grew) this.#jump.hidden = false;
      this.#readOlder();
    }
    /** nodes makes the lines that are new or look different. */
    #nodes(items) {
      const gone = new Set(this.#shown.keys());
      const nodes = items.map((item) => {
        gone.delete(item.key);
        const old = this.#shown.get(item.key);
        if (old?.look === item.look) return old.node;
        const node = item.make();
        this.#shown.set(item.key, { look: item.look, node });
        return node;
      });
      for (const key of gone) this.#shown.delete(key);
      return nodes;
    }
    #startLine(shown) {
      const chat = this.#room.chat;
      let line = "";
      if (!chat.loaded) line = this.#room.here ? "Loading messages…" : "";
      else if (chat.complete && shown > 0) line = "The conversation began here.";
      else if (this.#stuck)
        line = el(
          "button",
          { type: "button", class: "text-button", onclick: () => this.#again() },
          "Load older messages"
        );
      else if (shown > 0) line = "Loading older messages…";
      this.#start.replaceChildren(line);
      return this.#start;
    }
    /** placeNewLine finds where the line of new messages belongs, once they are here. */
    #placeNewLine() {
      const chat = this.#room.chat;
      if (this.#newCount === 0 || !chat.loaded) return;
      const others = chat.messages.filter((m) => m.fromId !== this.#account.id);
      this.#newFrom = others[Math.max(0, others.length - this.#newCount)]?.msgId ?? null;
      this.#newCount = 0;
    }
    #again() {
      this.#stuck = false;
      this.#readOlder();
    }
    #readOlder() {
      const chat = this.#room.chat;
      if (this.#reading || !this.#room.here || this.#stuck || chat.complete || chat.messages.length === 0) return;
      if (this.#scroller.scrollTop > NEAR_START || this.#scroller.clientHeight === 0) return;
      this.#reading = true;
      chat.older().catch((err) => void (this.#stuck = !(err instanceof Refused && err.code === OFFLINE))).finally(() => {
        this.#reading = false;
        this.#render();
      });
    }
  };

  // demo/namedialog.ts
  var LONGEST = 191;
  function openNameDialog(room) {
    const keeps = !room.persistent;
    const input = el("input", {
      id: "room-name",
      type: "text",
      maxlength: LONGEST,
      required: true,
      autocomplete: "off",
      placeholder: "Road map",
      autofocus: true,
      "aria-describedby": "room-name-help"
    });
    input.value = keeps ? "" : room.name;
    const error = errorLine();
    const save = el("button", { class: "primary", type: "submit" }, keeps ? "Name and keep" : "Rename");
    const form = el(
      "form",
      { class: "stack", novalidate: true },
      el("label", { for: "room-name" }, "Name"),
      input,
      el("p", { id: "room-name-help", class: "help" }, help(keeps)),
      error,
      el("footer", {}, el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel"), save)
    );
    const dialog = openDialog(keeps ? "Name this room" : "Rename room", form);
    input.select();
    form.addEventListener("submit", (e) => {
      e.preventDefault();
      void submit();
    });
    async function submit() {
      const name = input.value.trim();
      if (name === "") {
        error.textContent = "Please give the room a name.";
        input.focus();
        return;
      }
      save.disabled = true;
      try {
        await (keeps ? room.persist(name) : room.rename(name));
        dialog.close();
      } catch (err) {
        error.textContent = reason(err);
        save.disabled = false;
        input.focus();
      }
    }
  }
  function help(keeps) {
    return keeps ? "A room with a name stays: its people and everything that was said are still there after the server was restarted." : "Everybody in the room sees the new name at once.";
  }

  // demo/roomview.ts
  var RoomView = class {
    room;
    #ports;
    #picture = el("span", { class: "room-picture" });
    #title = el("h1", { tabindex: -1 });
    #subtitle = el("p", { class: "subtitle" });
    #keep;
    #call = el("button", { type: "button", class: "call-button" });
    #people = el("div", { class: "call-strip", hidden: true });
    /** Where the call is shown if we are in it. */
    callPlace = el("div", { class: "call-place" });
    #typing = el("p", { class: "typing", role: "status", "aria-live": "polite" });
    #log;
    #composer;
    #details;
    #actions;
    #undo;
    element;
    aside;
    #looking = false;
    #pictured = "";
    #called = "";
    constructor(room, ports) {
      this.room = room;
      this.#ports = ports;
      this.#actions = {
        name: () => openNameDialog(room),
        add: () => openAddDialog(ports.account, room, ports.suggestions),
        invite: () => openInviteDialog(room),
        leave: () => openLeaveDialog(room)
      };
      this.#keep = el(
        "button",
        { type: "button", class: "primary", onclick: this.#actions.name },
        icon("tag"),
        el("span", {}, "Name this room")
      );
      this.#log = new LogView(ports.account, room, this.#emptyLog(), () => this.look());
      this.#composer = new Composer(room, () => this.#log.toEnd());
      this.#details = new Details(ports.account, room, this.#actions);
      this.aside = el("aside", { class: "aside", "aria-label": "About this room" }, this.#details.element);
      this.element = el(
        "main",
        { class: "room", id: "main" },
        this.#header(),
        this.#people,
        this.callPlace,
        this.#log.element,
        el("div", { class: "foot" }, this.#typing, this.#composer.element)
      );
      this.#call.addEventListener("click", () => room.here && ports.join());
      const render = soon(() => this.#render());
      this.#undo = [
        room.on("change", render),
        room.on("joined", (id) => this.#told(id, "is in the room now")),
        room.on("left", (id) => this.#told(id, "left the room")),
        room.on("named", (name) => ports.notices.say(`The room is called “${name}” now and stays.`)),
        room.chat.on("typing", render),
        ports.account.identities.on("change", render)
      ];
      room.chat.open().catch(() => {
      });
      this.#render();
    }
    /** close ends the view; the text that was not sent is returned. */
    close() {
      for (const undo of this.#undo) undo();
      this.#log.close();
      this.#details.close();
      this.room.chat.typing(false);
      this.room.look(false);
      return this.#composer.draft;
    }
    set draft(text2) {
      this.#composer.draft = text2;
    }
    /** focus goes to the composer; on a touch screen that would open the keyboard. */
    focus() {
      if (matchMedia("(pointer: coarse)").matches) this.#title.focus();
      else this.#composer.focus();
    }
    focusCall() {
      this.#renderCall();
      this.#call.focus();
    }
    /** look tells the room whether its newest messages are in sight. */
    look() {
      const now = this.room.known && this.#log.atEnd && document.visibilityState === "visible" && this.element.isConnected;
      if (now && !this.#looking && this.room.unread > 0) this.#log.markNew(this.room.unread);
      this.#looking = now;
      this.room.look(now);
    }
    #header() {
      return el(
        "header",
        { class: "room-header" },
        el(
          "button",
          { type: "button", class: "plain round back", "aria-label": "All rooms", onclick: () => this.#ports.back() },
          icon("back")
        ),
        this.#picture,
        el("div", { class: "room-names" }, this.#title, this.#subtitle),
        this.#keep,
        this.#call,
        roundButton("addPerson", "Add a person", this.#actions.add, "not-on-phone"),
        roundButton("people", "People and settings", () => this.#openDetails())
      );
    }
    /** openDetails shows on a small screen what stands beside the room on a large one. */
    #openDetails() {
      const details = new Details(
        this.#ports.account,
        this.room,
        closing(this.#actions, () => dialog.close())
      );
      const dialog = openDialog(titleOf(this.room), details.element);
      dialog.classList.add("sheet");
      dialog.addEventListener("close", () => details.close());
    }
    #emptyLog() {
      return el(
        "div",
        { class: "empty", hidden: true },
        el("div", { class: "empty-picture" }, icon("speech")),
        el("h2", {}, "Nothing has been said here yet"),
        el("p", {}, "Bring somebody in, then write the first message below."),
        el(
          "div",
          { class: "buttons" },
          el(
            "button",
            { type: "button", class: "primary", onclick: this.#actions.add },
            icon("addPerson"),
            "Add a person"
          ),
          el(
            "button",
            { type: "button", class: "quiet", onclick: this.#actions.invite },
            icon("link"),
            "Invite with a link"
          )
        )
      );
    }
    #render() {
      const room = this.room;
      const title = titleOf(room);
      const pictured = `${title}|${room.avatar}`;
      if (this.#pictured !== pictured) fill(this.#picture, avatar(room.avatar, title, "room"));
      this.#pictured = pictured;
      setText(this.#title, title);
      setText(this.#subtitle, this.#summary());
      this.#keep.hidden = room.persistent || !room.mayRename;
      this.#composer.retitle();
      this.#renderCall();
      this.#renderTyping();
      if (!room.chat.loaded && room.here) room.chat.open().catch(() => {
      });
      this.look();
    }
    #summary() {
      const room = this.room;
      if (!room.known) return room.here ? "Opening…" : "Waiting for the connection";
      const people = count(room.members.length, "person", "people");
      if (!room.here) return `${people} · not connected`;
      const online = room.members.filter((id) => this.#ports.account.identities.get(id)?.isOnline).length;
      const parts = [people, `${online} online`];
      if (!room.persistent) parts.unshift("Temporary");
      return parts.join(" · ");
    }
    /** renderCall shows who is in the call, to who is not. */
    #renderCall() {
      const live = this.room.live;
      const identities = live.people.map((id) => this.#ports.account.identities.get(id));
      const names = identities.map((i) => firstName(i?.name ?? "Somebody"));
      const out = live.state === "out";
      const look = JSON.stringify([out, names, this.room.here]);
      if (this.#called === look) return;
      this.#called = look;
      const count2 = names.length;
      this.#call.hidden = !out;
      this.#call.className = `call-button ${count2 > 0 ? "primary" : "quiet"}`;
      this.#call.setAttribute("aria-disabled", String(!this.room.here));
      fill(
        this.#call,
        icon("phone"),
        el("span", { class: "words" }, count2 > 0 ? "Join the call" : "Start a call"),
        count2 > 0 && el("span", { class: "how-many" }, `(${count2})`)
      );
      this.#people.hidden = !out || count2 === 0;
      fill(
        this.#people,
        el("span", { class: "faces" }, ...identities.slice(0, 5).map((i) => avatar(i?.avatar, i?.name ?? "?"))),
        el("p", {}, `${listed(names)} ${count2 === 1 ? "is" : "are"} in a call`)
      );
    }
    #renderTyping() {
      const names = this.room.chat.typists.map(
        (id) => firstName(this.#ports.account.identities.get(id)?.name ?? "Somebody")
      );
      if (names.length === 0) {
        this.#typing.replaceChildren();
        return;
      }
      const who = names.length > 2 ? "Several people are" : `${names.join(" and ")} ${names.length === 1 ? "is" : "are"}`;
      fill(
        this.#typing,
        el("span", { class: "typing-dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")),
        `${who} typing…`
      );
    }
    #told(id, what) {
      const name = this.#ports.account.identities.get(id)?.name;
      if (name) this.#ports.notices.say(`${name} ${what}.`);
    }
  };
  function roundButton(name, label, act, extra = "") {
    return el(
      "button",
      { type: "button", class: `plain round narrow-only ${extra}`, "aria-label": label, title: label, onclick: act },
      icon(name)
    );
  }
  function closing(actions, close) {
    const then = (act) => () => {
      close();
      act();
    };
    return { name: then(actions.name), add: then(actions.add), invite: then(actions.invite), leave: then(actions.leave) };
  }

  // demo/workspace.ts
  var APPEAR = 5e3;
  var Workspace = class {
    #ports;
    #account;
    #notices = new Notices();
    #banner;
    #rooms;
    #me = el("span", { class: "me" });
    #newRoom = el("button", { type: "button", class: "primary new-room" }, icon("plus"), "New room");
    #corner = el("div", { class: "call-corner" });
    #calls;
    #undo = [];
    #drafts = /* @__PURE__ */ new Map();
    element;
    #view = null;
    #welcome = null;
    #joining = false;
    #making = false;
    #waitingFor = null;
    constructor(ports) {
      this.#ports = ports;
      this.#account = new Account(ports.connection);
      this.#banner = new Banner(ports.connection);
      this.#rooms = new RoomList(this.#account);
      this.#newRoom.addEventListener("click", () => void this.#makeRoom());
      this.element = el(
        "div",
        { class: "workspace" },
        this.#sidebar(),
        this.#corner,
        el("div", { class: "news" }, this.#banner.element, this.#notices.element)
      );
      this.#calls = new Calls(this.#corner, {
        account: this.#account,
        notices: this.#notices,
        open: (room) => go(roomAddress(room.id))
      });
      this.#listen();
      this.#renderMe();
      this.#route();
      ports.connection.connect();
    }
    close() {
      closeDialogs();
      this.#calls.close();
      this.#view?.close();
      this.#banner.close();
      for (const undo of this.#undo) undo();
      this.#account.close();
      this.#ports.connection.leave();
    }
    focus() {
      if (this.#view) this.#view.focus();
      else this.#newRoom.focus();
    }
    #sidebar() {
      return el(
        "div",
        { class: "sidebar" },
        el("header", {}, logo()),
        this.#newRoom,
        this.#rooms.element,
        el(
          "footer",
          {},
          this.#me,
          el(
            "button",
            {
              type: "button",
              class: "plain round",
              "aria-label": "Be another person",
              title: "Be another person",
              onclick: () => this.#ports.leave()
            },
            icon("swap")
          )
        )
      );
    }
    #listen() {
      const account = this.#account;
      const changed = soon(() => this.#changed());
      this.#undo.push(
        account.on("rooms", changed),
        account.on("ready", changed),
        account.on("removed", (room) => this.#removed(room)),
        account.identities.on("change", () => this.#renderMe()),
        this.#ports.connection.on("state", (state) => this.#connectionChanged(state)),
        this.#listenTo(window, "hashchange", () => this.#route()),
        this.#listenTo(window, "pagehide", () => this.#calls.leave()),
        // the others see it at once
        this.#listenTo(window, "online", () => this.#ports.connection.wake()),
        this.#listenTo(document, "visibilitychange", () => this.#visibilityChanged())
      );
    }
    #listenTo(target, name, listener) {
      target.addEventListener(name, listener);
      return () => target.removeEventListener(name, listener);
    }
    #visibilityChanged() {
      if (document.visibilityState === "visible") this.#ports.connection.wake();
      this.#view?.look();
      this.#changed();
    }
    #connectionChanged(state) {
      this.#renderMe();
      this.#newRoom.setAttribute("aria-disabled", String(state.name !== "online"));
    }
    #changed() {
      this.#rooms.render();
      this.#greetRooms();
      this.#route();
      this.#renderTitle();
    }
    /** Rooms whose messages are announced already. */
    #greeted = /* @__PURE__ */ new Set();
    #greetRooms() {
      for (const room of this.#account.rooms) {
        if (this.#greeted.has(room)) continue;
        this.#greeted.add(room);
        this.#calls.watch(room);
        this.#undo.push(room.chat.on("message", (m) => this.#announce(room, m)));
      }
    }
    #announce(room, m) {
      const where = this.#view?.room === room ? "" : ` in ${titleOf(room)}`;
      this.#notices.announce(`${firstName(m.name)}${where}: ${m.text.slice(0, 200)}`);
    }
    /** route opens what the address says. */
    #route() {
      const { room: id, join } = currentRoute();
      if (join && this.#ports.connection.online) void this.#join(join.room, join.token);
      const room = id === null ? void 0 : this.#account.room(id);
      if (room) this.#open(room);
      else this.#showWelcome(id);
    }
    #open(room) {
      if (this.#view?.room === room) return;
      this.#closeView();
      this.#view = new RoomView(room, {
        account: this.#account,
        notices: this.#notices,
        suggestions: this.#ports.others.map((u) => u.name),
        join: () => void this.#calls.join(room),
        back: () => this.#back()
      });
      this.#view.draft = this.#drafts.get(room.id) ?? "";
      this.#place(this.#view.element, this.#view.aside);
      this.#calls.beside(this.#view);
      this.#view.look();
      this.#view.focus();
    }
    #closeView() {
      this.#calls.beside(null);
      if (this.#view) this.#drafts.set(this.#view.room.id, this.#view.close());
      this.#view?.element.remove();
      this.#view?.aside.remove();
      this.#view = null;
    }
    #showWelcome(id) {
      this.#closeView();
      if (id !== null && this.#account.ready) this.#waitFor(id);
      this.#welcome ??= el("main", { class: "welcome", id: "main" });
      this.#fillWelcome(this.#welcome);
      if (!this.#welcome.isConnected) this.#place(this.#welcome);
    }
    /** place puts the main part beside the list of rooms. */
    #place(...parts) {
      if (parts[0] !== this.#welcome) this.#welcome?.remove();
      this.element.classList.toggle("in-room", this.#view !== null);
      this.element.firstElementChild?.after(...parts);
      this.#rooms.select(this.#view?.room.id ?? null);
      this.#renderTitle();
    }
    /** waitFor gives a room of the address some time to appear after the login. */
    #waitFor(id) {
      if (this.#waitingFor === id) return;
      this.#waitingFor = id;
      setTimeout(() => {
        this.#waitingFor = null;
        if (currentRoute().room === id && !this.#account.room(id) && this.#ports.connection.online) go("#", true);
      }, APPEAR);
    }
    #fillWelcome(page) {
      const name = firstName(this.#ports.user.name);
      const none = this.#account.rooms.length === 0;
      const state = this.#account.ready ? String(none) : "waiting";
      if (page.dataset.state === state) return;
      page.dataset.state = state;
      if (!this.#account.ready) {
        fill(page, el("div", { class: "empty" }, el("p", {}, "Signing in…")));
        return;
      }
      fill(
        page,
        el(
          "div",
          { class: "empty" },
          el("div", { class: "empty-picture" }, icon("speech")),
          el("h1", {}, `Hello ${name}`),
          el(
            "p",
            {},
            none ? "Make a room, bring somebody in, and talk. Give the room a name when you want to keep it." : "Choose a room from the list, or make a new one."
          ),
          el(
            "div",
            { class: "buttons" },
            el(
              "button",
              { type: "button", class: none ? "primary" : "quiet", onclick: () => void this.#makeRoom() },
              icon("plus"),
              none ? "Make your first room" : "New room"
            )
          ),
          el(
            "p",
            { class: "tip" },
            icon("window"),
            el(
              "span",
              {},
              el("a", { href: "./", target: "_blank", rel: "noopener" }, "Open a second window"),
              " and be another person there, to have somebody to talk with."
            )
          )
        )
      );
    }
    #back() {
      go("#");
      this.#rooms.focus();
    }
    async #makeRoom() {
      if (this.#making) return;
      this.#making = true;
      try {
        go(roomAddress((await this.#account.createRoom()).id));
      } catch (err) {
        this.#notices.warn(reason(err));
      } finally {
        this.#making = false;
      }
    }
    async #join(id, token) {
      if (this.#joining) return;
      this.#joining = true;
      try {
        go(roomAddress((await this.#account.joinRoom(id, token)).id), true);
      } catch (err) {
        if (this.#ports.connection.online) go("#", true);
        this.#notices.warn(reason(err));
      } finally {
        this.#joining = false;
      }
    }
    #removed(room) {
      this.#calls.forget(room);
      const lost = room.chat.outbox.length;
      const unsent = lost > 0 ? " What you wrote last was not sent." : "";
      if (this.#view?.room === room) {
        closeDialogs();
        go("#", true);
        this.#newRoom.focus();
      }
      if (room.persistent) this.#notices.say(`You are not in “${titleOf(room)}” any more.${unsent}`);
      else this.#notices.say(`“${titleOf(room)}” is gone: it had no name.${unsent}`);
    }
    #renderMe() {
      const identity = this.#account.identity;
      const name = identity?.name ?? this.#ports.user.name;
      const online = this.#ports.connection.online;
      fill(
        this.#me,
        withPresence(avatar(identity?.avatar, name), online),
        el("span", { class: "who" }, name, el("small", {}, online ? "online" : "not connected"))
      );
    }
    #renderTitle() {
      const unread = this.#account.rooms.reduce((sum, r) => sum + r.unread, 0);
      const room = this.#view ? `${titleOf(this.#view.room)} – ` : "";
      document.title = `${unread > 0 ? `(${unread}) ` : ""}${room}${firstName(this.#ports.user.name)} – Presence demo`;
    }
  };

  // demo/demo.ts
  var Demo = class {
    #root;
    #users = [];
    #leave = () => {
    };
    constructor(root) {
      this.#root = root;
    }
    async start() {
      try {
        this.#users = await loadUsers();
      } catch {
        this.#stop(
          "The server does not answer",
          "Is “presence demo” running? Start it, then try again.",
          "Try again",
          () => void this.start()
        );
        return;
      }
      const user = this.#users.find((u) => u.login === chosen.get());
      if (user) this.#enter(user);
      else this.#choose();
    }
    #show(page) {
      this.#root.replaceChildren(page);
    }
    #choose() {
      this.#leave();
      chosen.clear();
      document.title = "Presence demo";
      this.#show(signIn(this.#users, currentRoute().join !== null, (user) => this.#enter(user)));
    }
    #enter(user) {
      chosen.set(user.login);
      const connection = new Connection(socketAddress(), () => this.#credentials(user.login));
      const release = hold(user.login);
      const workspace = new Workspace({
        user,
        others: this.#users.filter((u) => u !== user),
        connection,
        leave: () => {
          go("#", true);
          this.#choose();
          this.#root.querySelector("h1")?.focus();
        }
      });
      this.#leave = () => {
        this.#leave = () => {
        };
        release();
        workspace.close();
      };
      connection.on("state", (state) => state.name === "ended" && this.#ended(user, state.why));
      this.#show(workspace.element);
      workspace.focus();
    }
    /** credentials asks anew each time: the demo may have been started afresh. */
    async #credentials(login) {
      const user = (await loadUsers()).find((u) => u.login === login);
      return user ?? { login, authId: "gone" };
    }
    #ended(user, why) {
      if (why === "left") return;
      this.#leave();
      const name = user.name;
      if (why === "refused") {
        this.#stop(
          "The server did not let you in",
          `It does not accept ${name} at the moment.`,
          "Try again",
          () => void this.start()
        );
      } else {
        this.#stop(
          "You were signed out",
          `The server has ended the session of ${name}.`,
          "Sign in again",
          () => void this.start()
        );
      }
    }
    /** stop shows a page that says why it does not go on, and how it would. */
    #stop(title, text2, action, act) {
      const button = el("button", { type: "button", class: "primary", onclick: act }, action);
      const other = el("button", { type: "button", class: "quiet", onclick: () => this.#choose() }, "Be another person");
      this.#show(
        el(
          "main",
          { class: "sign-in", id: "main" },
          el(
            "div",
            { class: "card", role: "alert" },
            logo(),
            el("h1", {}, title),
            el("p", {}, text2),
            el("div", { class: "buttons" }, button, this.#users.length > 0 && other)
          )
        )
      );
      button.focus();
    }
  };
  function socketAddress() {
    const url = new URL("./", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return url.href;
  }
  document.querySelector(".skip")?.addEventListener("click", (e) => {
    e.preventDefault();
    document.querySelector("#composer, #main button")?.focus();
  });
  void new Demo(document.getElementById("app")).start();
})();
