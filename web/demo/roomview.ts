import type { Account, Room, Undo } from "../sdk";
import { openAddDialog } from "./adddialog";
import { avatar } from "./avatar";
import { Composer } from "./composer";
import { Details, type RoomActions } from "./details";
import { openDialog } from "./dialog";
import { el, fill, setText, soon } from "./dom";
import { count } from "./format";
import { icon, type IconName } from "./icons";
import { openInviteDialog } from "./invitedialog";
import { openLeaveDialog } from "./leavedialog";
import { LogView } from "./logview";
import { openNameDialog } from "./namedialog";
import type { Notices } from "./notices";
import { firstName, listed, titleOf } from "./words";

export interface RoomViewPorts {
	account: Account;
	notices: Notices;
	/** names of people to suggest */
	suggestions: string[];
	/** join enters the call of the room */
	join(): void;
	/** back is called to see the list of rooms on a small screen */
	back(): void;
}

/** RoomView is an open room: heading, conversation, composer, details. */
export class RoomView {
	readonly room: Room;
	readonly #ports: RoomViewPorts;
	readonly #picture = el("span", { class: "room-picture" });
	readonly #title = el("h1", { tabindex: -1 });
	readonly #subtitle = el("p", { class: "subtitle" });
	readonly #keep: HTMLButtonElement;
	readonly #call = el("button", { type: "button", class: "call-button" });
	readonly #people = el("div", { class: "call-strip", hidden: true });
	/** Where the call is shown if we are in it. */
	readonly callPlace = el("div", { class: "call-place" });
	readonly #typing = el("p", { class: "typing", role: "status", "aria-live": "polite" });
	readonly #log: LogView;
	readonly #composer: Composer;
	readonly #details: Details;
	readonly #actions: RoomActions;
	readonly #undo: Undo[];
	readonly element: HTMLElement;
	readonly aside: HTMLElement;
	#looking = false;
	#pictured = "";
	#called = "";

	constructor(room: Room, ports: RoomViewPorts) {
		this.room = room;
		this.#ports = ports;
		this.#actions = {
			name: () => openNameDialog(room),
			add: () => openAddDialog(ports.account, room, ports.suggestions),
			invite: () => openInviteDialog(room),
			leave: () => openLeaveDialog(room),
		};
		this.#keep = el(
			"button",
			{ type: "button", class: "primary", onclick: this.#actions.name },
			icon("tag"),
			el("span", {}, "Name this room"),
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
			el("div", { class: "foot" }, this.#typing, this.#composer.element),
		);
		this.#call.addEventListener("click", () => room.here && ports.join());
		const render = soon(() => this.#render());
		this.#undo = [
			room.on("change", render),
			room.on("joined", (id) => this.#told(id, "is in the room now")),
			room.on("left", (id) => this.#told(id, "left the room")),
			room.on("named", (name) => ports.notices.say(`The room is called “${name}” now and stays.`)),
			room.chat.on("typing", render),
			ports.account.identities.on("change", render),
		];
		room.chat.open().catch(() => {}); // tried again when the room is found again
		this.#render();
	}

	/** close ends the view; the text that was not sent is returned. */
	close(): string {
		for (const undo of this.#undo) undo();
		this.#log.close();
		this.#details.close();
		this.room.chat.typing(false);
		this.room.look(false);
		return this.#composer.draft;
	}

	set draft(text: string) {
		this.#composer.draft = text;
	}

	/** focus goes to the composer; on a touch screen that would open the keyboard. */
	focus(): void {
		if (matchMedia("(pointer: coarse)").matches) this.#title.focus();
		else this.#composer.focus();
	}

	focusCall(): void {
		this.#renderCall();
		this.#call.focus();
	}

	/** look tells the room whether its newest messages are in sight. */
	look(): void {
		const now =
			this.room.known && this.#log.atEnd && document.visibilityState === "visible" && this.element.isConnected;
		if (now && !this.#looking && this.room.unread > 0) this.#log.markNew(this.room.unread);
		this.#looking = now;
		this.room.look(now);
	}

	#header(): HTMLElement {
		return el(
			"header",
			{ class: "room-header" },
			el(
				"button",
				{ type: "button", class: "plain round back", "aria-label": "All rooms", onclick: () => this.#ports.back() },
				icon("back"),
			),
			this.#picture,
			el("div", { class: "room-names" }, this.#title, this.#subtitle),
			this.#keep,
			this.#call,
			roundButton("addPerson", "Add a person", this.#actions.add, "not-on-phone"),
			roundButton("people", "People and settings", () => this.#openDetails()),
		);
	}

	/** openDetails shows on a small screen what stands beside the room on a large one. */
	#openDetails(): void {
		const details = new Details(
			this.#ports.account,
			this.room,
			closing(this.#actions, () => dialog.close()),
		);
		const dialog = openDialog(titleOf(this.room), details.element);
		dialog.classList.add("sheet");
		dialog.addEventListener("close", () => details.close());
	}

	#emptyLog(): HTMLElement {
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
					"Add a person",
				),
				el(
					"button",
					{ type: "button", class: "quiet", onclick: this.#actions.invite },
					icon("link"),
					"Invite with a link",
				),
			),
		);
	}

	#render(): void {
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
		if (!room.chat.loaded && room.here) room.chat.open().catch(() => {});
		this.look();
	}

	#summary(): string {
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
	#renderCall(): void {
		const live = this.room.live;
		const identities = live.people.map((id) => this.#ports.account.identities.get(id));
		const names = identities.map((i) => firstName(i?.name ?? "Somebody"));
		const out = live.state === "out";
		const look = JSON.stringify([out, names, this.room.here]);
		if (this.#called === look) return;
		this.#called = look;
		const count = names.length;
		this.#call.hidden = !out;
		this.#call.className = `call-button ${count > 0 ? "primary" : "quiet"}`;
		this.#call.setAttribute("aria-disabled", String(!this.room.here));
		fill(
			this.#call,
			icon("phone"),
			el("span", { class: "words" }, count > 0 ? "Join the call" : "Start a call"),
			count > 0 && el("span", { class: "how-many" }, `(${count})`),
		);
		this.#people.hidden = !out || count === 0;
		fill(
			this.#people,
			el("span", { class: "faces" }, ...identities.slice(0, 5).map((i) => avatar(i?.avatar, i?.name ?? "?"))),
			el("p", {}, `${listed(names)} ${count === 1 ? "is" : "are"} in a call`),
		);
	}

	#renderTyping(): void {
		const names = this.room.chat.typists.map((id) =>
			firstName(this.#ports.account.identities.get(id)?.name ?? "Somebody"),
		);
		if (names.length === 0) {
			this.#typing.replaceChildren();
			return;
		}
		const who = names.length > 2 ? "Several people are" : `${names.join(" and ")} ${names.length === 1 ? "is" : "are"}`;
		fill(
			this.#typing,
			el("span", { class: "typing-dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")),
			`${who} typing…`,
		);
	}

	#told(id: string, what: string): void {
		const name = this.#ports.account.identities.get(id)?.name;
		if (name) this.#ports.notices.say(`${name} ${what}.`);
	}
}

/** roundButton is for what stands beside the room on a large screen. */
function roundButton(name: IconName, label: string, act: () => void, extra = ""): HTMLButtonElement {
	return el(
		"button",
		{ type: "button", class: `plain round narrow-only ${extra}`, "aria-label": label, title: label, onclick: act },
		icon(name),
	);
}

/** closing makes every action close the sheet that it was chosen from. */
function closing(actions: RoomActions, close: () => void): RoomActions {
	const then = (act: () => void) => () => {
		close();
		act();
	};
	return { name: then(actions.name), add: then(actions.add), invite: then(actions.invite), leave: then(actions.leave) };
}
