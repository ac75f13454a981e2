import type { Account, Room } from "../sdk";
import { avatar } from "./avatar";
import { arrange, el, soon } from "./dom";
import { count, when } from "./format";
import { icon } from "./icons";
import { roomAddress } from "./route";
import { firstName, titleOf } from "./words";

/** RoomList lists the rooms of the account, the one with the newest message first. */
export class RoomList {
	readonly #account: Account;
	readonly #list = el("ul", { class: "rooms" });
	readonly #empty = el(
		"p",
		{ class: "rooms-empty", hidden: true },
		"No rooms yet. Make one, or open an invite link that somebody gave you.",
	);
	readonly #shown = new Map<string, { look: string; node: HTMLLIElement }>();
	readonly element = el("nav", { class: "room-list", "aria-label": "Rooms" }, this.#list, this.#empty);
	readonly render = soon(() => this.#render());
	#current: string | null = null;

	constructor(account: Account) {
		this.#account = account;
	}

	/** select marks the open room. */
	select(id: string | null): void {
		this.#current = id;
		this.#render();
	}

	/** focus goes to the open room, or to the first one. */
	focus(): void {
		const link = this.#list.querySelector<HTMLElement>("[aria-current]") ?? this.#list.querySelector<HTMLElement>("a");
		link?.focus();
	}

	#render(): void {
		const rooms = this.#account.rooms;
		const at = new Map(rooms.map((r, n) => [r.id, r.lastMessage?.time ?? n]));
		rooms.sort((a, b) => (at.get(b.id) ?? 0) - (at.get(a.id) ?? 0));
		arrange(
			this.#list,
			rooms.map((room) => this.#node(room)),
		);
		for (const id of this.#shown.keys()) if (!this.#account.room(id)) this.#shown.delete(id);
		this.#empty.hidden = !this.#account.ready || rooms.length > 0;
	}

	#node(room: Room): HTMLLIElement {
		const preview = this.#preview(room);
		const last = room.lastMessage?.time;
		const current = room.id === this.#current;
		const unread = current && document.visibilityState === "visible" ? 0 : room.unread;
		const calling = room.live.people.length > 0;
		const look = [titleOf(room), room.avatar, preview, last, unread, current, calling].join("|");
		const old = this.#shown.get(room.id);
		if (old?.look === look) return old.node;
		const node = old?.node ?? el("li", {}, el("a", { href: roomAddress(room.id) }));
		this.#fill(node.firstElementChild as HTMLElement, room, preview, unread, current);
		this.#shown.set(room.id, { look, node });
		return node;
	}

	#fill(link: HTMLElement, room: Room, preview: string, unread: number, current: boolean): void {
		const last = room.lastMessage?.time;
		if (current) link.setAttribute("aria-current", "page");
		else link.removeAttribute("aria-current");
		link.replaceChildren(
			avatar(room.avatar, titleOf(room), "room"),
			el(
				"span",
				{ class: "room-line" },
				el("strong", {}, titleOf(room)),
				room.live.people.length > 0 &&
					el("span", { class: "calling" }, icon("phone"), el("span", { class: "sr-only" }, "a call is going on")),
				el("small", {}, last ? when(last) : ""),
			),
			el(
				"span",
				{ class: "room-line" },
				el("span", { class: "preview" }, preview),
				unread > 0 &&
					el(
						"span",
						{ class: "badge" },
						unread > 99 ? "99+" : String(unread),
						el("span", { class: "sr-only" }, ` ${count(unread, "new message")}`.replace(/^ \d+/, "")),
					),
			),
		);
	}

	#preview(room: Room): string {
		const last = room.lastMessage;
		if (!last) return room.persistent ? "Nothing said yet" : "Temporary room";
		const author = last.fromId === this.#account.id ? "You" : firstName(last.name);
		return `${author}: ${last.text.replace(/\s+/gu, " ").slice(0, 120)}`;
	}
}
