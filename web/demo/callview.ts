import type { Account, Peer, Room, Undo } from "../sdk";
import { Tile, type TileLook } from "./calltile";
import { arrange, el, fill, setText, soon } from "./dom";
import { icon, type IconName } from "./icons";
import { missingDevices, titleOf } from "./words";

export interface CallViewPorts {
	account: Account;
	/** open shows the room of the call */
	open(): void;
	leave(): void;
}

/** What a tile says while nothing can be seen or heard. */
const troubles = { connecting: "Connecting…", interrupted: "Interrupted. Reconnecting…", connected: "" } as const;

/** CallView is the call that we are in: the people, and what we can do. */
export class CallView {
	readonly room: Room;
	readonly #ports: CallViewPorts;
	readonly #tiles = el("ul", { class: "tiles", "aria-label": "People in the call" });
	readonly #status = el("p", { class: "call-status", role: "status", "aria-live": "polite" });
	readonly #note = el("p", { class: "call-note" });
	readonly #hidden = el("p", { class: "call-hidden", hidden: true }, icon("shield"), "Addresses are hidden");
	readonly #where = el("strong");
	readonly #title = el("button", { type: "button", class: "call-title" }, el("small", {}, "In a call"), this.#where);
	readonly #sound = el("button", { type: "button", class: "quiet small", hidden: true }, "Switch the sound on");
	readonly #microphone: HTMLButtonElement;
	readonly #camera: HTMLButtonElement;
	readonly #leave: HTMLButtonElement;
	readonly #shown = new Map<Peer | "self", Tile>();
	readonly #undo: Undo[];
	readonly element: HTMLElement;

	constructor(room: Room, ports: CallViewPorts) {
		this.room = room;
		this.#ports = ports;
		this.#microphone = toggle("Microphone", () => void room.live.media?.mute(!room.live.media.muted));
		this.#camera = toggle("Camera", () => void room.live.media?.blind(!room.live.media.blinded));
		this.#leave = el(
			"button",
			{ type: "button", class: "danger call-leave", onclick: () => ports.leave() },
			icon("hangUp"),
			el("span", {}, "Leave call"),
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
			el("div", { class: "call-controls" }, this.#hidden, this.#sound, this.#microphone, this.#camera, this.#leave),
		);
		const render = soon(() => this.#render());
		this.#undo = [
			room.live.on("change", render),
			ports.account.identities.on("change", render),
			room.on("named", render),
		];
		this.#render();
	}

	close(): void {
		for (const undo of this.#undo) undo();
		for (const tile of this.#shown.values()) tile.close();
		this.element.remove();
	}

	focus(): void {
		this.#microphone.focus();
	}

	/** place puts the call beside its room, or makes it small in another place. */
	place(where: HTMLElement, small: boolean): void {
		this.element.classList.toggle("mini", small);
		if (this.element.parentElement === where) return;
		where.append(this.element);
		void this.#play(); // what is moved stands still
	}

	async #play(): Promise<void> {
		const allowed = await Promise.all([...this.#shown.values()].map((tile) => tile.play()));
		this.#sound.hidden = allowed.every(Boolean);
	}

	#render(): void {
		const live = this.room.live;
		const media = live.media;
		if (!media) return; // the call is over; the view is closed next
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

	#state(): string {
		const live = this.room.live;
		if (live.state === "joining") return "Joining. The browser may ask for your microphone and camera…";
		if (!live.reachable)
			return "The connection to the server is lost, reconnecting. Sound and picture go on meanwhile if they can.";
		return live.peers.length === 0 ? "Nobody else is in the call yet." : "";
	}

	#renderTiles(): void {
		const live = this.room.live;
		const keys: (Peer | "self")[] = [...live.peers, "self"];
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

	#make(key: Peer | "self"): Tile {
		const stream = key === "self" ? this.room.live.media?.stream : key.stream;
		const tile = new Tile(stream ?? new MediaStream(), key === "self");
		if (key !== "self") tile.element.dataset.peer = key.id;
		this.#shown.set(key, tile);
		queueMicrotask(() => void this.#play());
		return tile;
	}

	#lookOf(peer: Peer): TileLook {
		const identity = this.#ports.account.identities.get(peer.id);
		return {
			name: identity?.name ?? "Somebody",
			avatar: identity?.avatar ?? null,
			visible: peer.visible,
			muted: peer.muted && peer.state === "connected",
			speaking: this.room.live.speaker === peer.id && !peer.muted,
			trouble: troubles[peer.state],
		};
	}

	#ownLook(): TileLook {
		const media = this.room.live.media;
		const identity = this.#ports.account.identity;
		return {
			name: "You",
			avatar: identity?.avatar ?? null,
			visible: media?.blinded === false,
			muted: media?.muted === true && this.room.live.state === "in",
			speaking: media?.muted === false && this.room.live.speaker === this.#ports.account.id,
			trouble: "",
		};
	}
}

/** toggle is a button that stays pressed as long as something is on. */
function toggle(label: string, act: () => void): HTMLButtonElement {
	const button = el("button", { type: "button", class: "round call-toggle", "aria-label": label, title: label });
	button.addEventListener("click", () => button.getAttribute("aria-disabled") !== "true" && act());
	return button;
}

function show(button: HTMLButtonElement, on: boolean, whenOn: IconName, whenOff: IconName): void {
	if (button.getAttribute("aria-pressed") === String(on)) return;
	button.setAttribute("aria-pressed", String(on));
	fill(button, icon(on ? whenOn : whenOff));
}
