import type { Account, Identity, Room, Undo } from "../sdk";
import { avatar, withPresence } from "./avatar";
import { el, fill, setText, soon } from "./dom";
import { count } from "./format";
import { icon, type IconName } from "./icons";

/** What can be done with a room. */
export interface RoomActions {
	name(): void;
	add(): void;
	invite(): void;
	leave(): void;
}

/** Details shows who is in a room and what can be done with it. */
export class Details {
	readonly #account: Account;
	readonly #room: Room;
	readonly #heading = el("h2", {});
	readonly #people = el("ul", { class: "people" });
	readonly #name = el("button", { type: "button", class: "row-button" });
	readonly #undo: Undo[];
	readonly element: HTMLElement;

	constructor(account: Account, room: Room, actions: RoomActions) {
		this.#account = account;
		this.#room = room;
		this.#name.addEventListener("click", actions.name);
		this.element = el(
			"div",
			{ class: "details" },
			this.#heading,
			this.#people,
			el(
				"div",
				{ class: "rows" },
				row("addPerson", "Add a person", actions.add),
				row("link", "Invite with a link", actions.invite),
			),
			el("div", { class: "rows" }, this.#name, row("leave", "Leave room", actions.leave, "danger-text")),
		);
		const render = soon(() => this.#render());
		this.#undo = [room.on("change", render), account.identities.on("change", render)];
		this.#render();
	}

	close(): void {
		for (const undo of this.#undo) undo();
	}

	#render(): void {
		const known = this.#room.members.map((id) => this.#account.identities.get(id)).filter((i) => i !== undefined);
		known.sort((a, b) => Number(b.isOnline) - Number(a.isOnline) || a.name.localeCompare(b.name));
		setText(this.#heading, this.#room.known ? count(this.#room.members.length, "person", "people") : "People");
		fill(this.#people, ...known.map((i) => this.#person(i)));
		this.#name.hidden = !this.#room.mayRename;
		fill(this.#name, icon("tag"), this.#room.persistent ? "Rename room" : "Name this room");
	}

	#person(i: Identity): HTMLLIElement {
		const online = this.#room.here && i.isOnline; // nobody knows without a connection
		const notes = [
			this.#room.here && (online ? "online" : "offline"),
			i.clientId === this.#account.id && "you",
			i.clientId === this.#room.ownerId && "made the room",
		].filter((n) => n !== false);
		return el(
			"li",
			{ class: online ? "" : "away" },
			withPresence(avatar(i.avatar, i.name), online),
			el("span", { class: "who" }, i.name, el("small", {}, notes.join(" · "))),
		);
	}
}

function row(name: IconName, text: string, act: () => void, extra = ""): HTMLButtonElement {
	return el("button", { type: "button", class: `row-button ${extra}`, onclick: act }, icon(name), text);
}
