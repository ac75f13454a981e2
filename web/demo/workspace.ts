import { Account, Connection, type ConnectionState, type Message, type Room, type Undo } from "../sdk";
import { avatar, withPresence } from "./avatar";
import { Banner } from "./banner";
import { Calls } from "./calls";
import { closeDialogs } from "./dialog";
import { el, fill, soon } from "./dom";
import { icon } from "./icons";
import { logo } from "./logo";
import { Notices } from "./notices";
import { RoomList } from "./roomlist";
import { RoomView } from "./roomview";
import { currentRoute, go, roomAddress } from "./route";
import type { DemoUser } from "./users";
import { firstName, reason, titleOf } from "./words";

export interface WorkspacePorts {
	user: DemoUser;
	others: DemoUser[];
	connection: Connection;
	/** leave is called to be somebody else */
	leave(): void;
}

/** How long a room of the address may take to appear after the login, in ms. */
const APPEAR = 5_000;

/** Workspace is the page of somebody who has signed in: rooms, and one of them open. */
export class Workspace {
	readonly #ports: WorkspacePorts;
	readonly #account: Account;
	readonly #notices = new Notices();
	readonly #banner: Banner;
	readonly #rooms: RoomList;
	readonly #me = el("span", { class: "me" });
	readonly #newRoom = el("button", { type: "button", class: "primary new-room" }, icon("plus"), "New room");
	readonly #corner = el("div", { class: "call-corner" });
	readonly #calls: Calls;
	readonly #undo: Undo[] = [];
	readonly #drafts = new Map<string, string>();
	readonly element: HTMLElement;
	#view: RoomView | null = null;
	#welcome: HTMLElement | null = null;
	#joining = false;
	#making = false;
	#waitingFor: string | null = null;

	constructor(ports: WorkspacePorts) {
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
			el("div", { class: "news" }, this.#banner.element, this.#notices.element),
		);
		this.#calls = new Calls(this.#corner, {
			account: this.#account,
			notices: this.#notices,
			open: (room) => go(roomAddress(room.id)),
		});
		this.#listen();
		this.#renderMe();
		this.#route();
		ports.connection.connect();
	}

	close(): void {
		closeDialogs();
		this.#calls.close();
		this.#view?.close();
		this.#banner.close();
		for (const undo of this.#undo) undo();
		this.#account.close();
		this.#ports.connection.leave();
	}

	focus(): void {
		if (this.#view) this.#view.focus();
		else this.#newRoom.focus();
	}

	#sidebar(): HTMLElement {
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
						onclick: () => this.#ports.leave(),
					},
					icon("swap"),
				),
			),
		);
	}

	#listen(): void {
		const account = this.#account;
		const changed = soon(() => this.#changed());
		this.#undo.push(
			account.on("rooms", changed),
			account.on("ready", changed),
			account.on("removed", (room) => this.#removed(room)),
			account.identities.on("change", () => this.#renderMe()),
			this.#ports.connection.on("state", (state) => this.#connectionChanged(state)),
			this.#listenTo(window, "hashchange", () => this.#route()),
			this.#listenTo(window, "pagehide", () => this.#calls.leave()), // the others see it at once
			this.#listenTo(window, "online", () => this.#ports.connection.wake()),
			this.#listenTo(document, "visibilitychange", () => this.#visibilityChanged()),
		);
	}

	#listenTo(target: EventTarget, name: string, listener: () => void): Undo {
		target.addEventListener(name, listener);
		return () => target.removeEventListener(name, listener);
	}

	#visibilityChanged(): void {
		if (document.visibilityState === "visible") this.#ports.connection.wake();
		this.#view?.look();
		this.#changed();
	}

	#connectionChanged(state: ConnectionState): void {
		this.#renderMe();
		this.#newRoom.setAttribute("aria-disabled", String(state.name !== "online")); // keeps the focus
	}

	#changed(): void {
		this.#rooms.render();
		this.#greetRooms();
		this.#route();
		this.#renderTitle();
	}

	/** Rooms whose messages are announced already. */
	readonly #greeted = new Set<Room>();

	#greetRooms(): void {
		for (const room of this.#account.rooms) {
			if (this.#greeted.has(room)) continue;
			this.#greeted.add(room);
			this.#calls.watch(room);
			this.#undo.push(room.chat.on("message", (m) => this.#announce(room, m)));
		}
	}

	#announce(room: Room, m: Message): void {
		const where = this.#view?.room === room ? "" : ` in ${titleOf(room)}`;
		this.#notices.announce(`${firstName(m.name)}${where}: ${m.text.slice(0, 200)}`);
	}

	/** route opens what the address says. */
	#route(): void {
		const { room: id, join } = currentRoute();
		if (join && this.#ports.connection.online) void this.#join(join.room, join.token);
		const room = id === null ? undefined : this.#account.room(id);
		if (room) this.#open(room);
		else this.#showWelcome(id);
	}

	#open(room: Room): void {
		if (this.#view?.room === room) return;
		this.#closeView();
		this.#view = new RoomView(room, {
			account: this.#account,
			notices: this.#notices,
			suggestions: this.#ports.others.map((u) => u.name),
			join: () => void this.#calls.join(room),
			back: () => this.#back(),
		});
		this.#view.draft = this.#drafts.get(room.id) ?? "";
		this.#place(this.#view.element, this.#view.aside);
		this.#calls.beside(this.#view);
		this.#view.look();
		this.#view.focus();
	}

	#closeView(): void {
		this.#calls.beside(null);
		if (this.#view) this.#drafts.set(this.#view.room.id, this.#view.close());
		this.#view?.element.remove();
		this.#view?.aside.remove();
		this.#view = null;
	}

	#showWelcome(id: string | null): void {
		this.#closeView();
		if (id !== null && this.#account.ready) this.#waitFor(id);
		this.#welcome ??= el("main", { class: "welcome", id: "main" });
		this.#fillWelcome(this.#welcome);
		if (!this.#welcome.isConnected) this.#place(this.#welcome);
	}

	/** place puts the main part beside the list of rooms. */
	#place(...parts: HTMLElement[]): void {
		if (parts[0] !== this.#welcome) this.#welcome?.remove();
		this.element.classList.toggle("in-room", this.#view !== null);
		this.element.firstElementChild?.after(...parts);
		this.#rooms.select(this.#view?.room.id ?? null);
		this.#renderTitle();
	}

	/** waitFor gives a room of the address some time to appear after the login. */
	#waitFor(id: string): void {
		if (this.#waitingFor === id) return;
		this.#waitingFor = id;
		setTimeout(() => {
			this.#waitingFor = null;
			if (currentRoute().room === id && !this.#account.room(id) && this.#ports.connection.online) go("#", true);
		}, APPEAR);
	}

	#fillWelcome(page: HTMLElement): void {
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
					none
						? "Make a room, bring somebody in, and talk. Give the room a name when you want to keep it."
						: "Choose a room from the list, or make a new one.",
				),
				el(
					"div",
					{ class: "buttons" },
					el(
						"button",
						{ type: "button", class: none ? "primary" : "quiet", onclick: () => void this.#makeRoom() },
						icon("plus"),
						none ? "Make your first room" : "New room",
					),
				),
				el(
					"p",
					{ class: "tip" },
					icon("window"),
					el(
						"span",
						{},
						el("a", { href: "./", target: "_blank", rel: "noopener" }, "Open a second window"),
						" and be another person there, to have somebody to talk with.",
					),
				),
			),
		);
	}

	#back(): void {
		go("#");
		this.#rooms.focus();
	}

	async #makeRoom(): Promise<void> {
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

	async #join(id: string, token: string): Promise<void> {
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

	#removed(room: Room): void {
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

	#renderMe(): void {
		const identity = this.#account.identity;
		const name = identity?.name ?? this.#ports.user.name;
		const online = this.#ports.connection.online;
		fill(
			this.#me,
			withPresence(avatar(identity?.avatar, name), online),
			el("span", { class: "who" }, name, el("small", {}, online ? "online" : "not connected")),
		);
	}

	#renderTitle(): void {
		const unread = this.#account.rooms.reduce((sum, r) => sum + r.unread, 0);
		const room = this.#view ? `${titleOf(this.#view.room)} – ` : "";
		document.title = `${unread > 0 ? `(${unread}) ` : ""}${room}${firstName(this.#ports.user.name)} – Presence demo`;
	}
}
