import type { Account, CallEnding, Room, Undo } from "../sdk";
import { CallView } from "./callview";
import type { Notices } from "./notices";
import type { RoomView } from "./roomview";
import { firstName, reason, reasonOf, titleOf } from "./words";

export interface CallsPorts {
	account: Account;
	notices: Notices;
	/** open shows a room */
	open(room: Room): void;
}

/** Calls is the call that we are in, if any, and what is told of those in all rooms. */
export class Calls {
	readonly #ports: CallsPorts;
	readonly #watched = new Map<Room, Undo[]>();
	readonly #corner: HTMLElement;
	#view: CallView | null = null;
	#room: RoomView | null = null;

	/** corner is where the call is while another room is open. */
	constructor(corner: HTMLElement, ports: CallsPorts) {
		this.#corner = corner;
		this.#ports = ports;
	}

	/** close leaves the call. */
	close(): void {
		for (const undo of [...this.#watched.values()].flat()) undo();
		this.#watched.clear();
		this.leave();
	}

	/** watch tells what happens to the call of a room. */
	watch(room: Room): void {
		if (this.#watched.has(room)) return;
		this.#watched.set(room, [
			room.live.on("change", () => this.#changed(room)),
			room.live.on("joined", (id) => this.#told(room, id, true)),
			room.live.on("left", (id) => this.#told(room, id, false)),
			room.live.on("ended", ({ why, code }) => this.#ended(room, why, code)),
		]);
	}

	/** forget is for rooms that are gone. */
	forget(room: Room): void {
		for (const undo of this.#watched.get(room) ?? []) undo();
		this.#watched.delete(room);
		this.#changed(room);
	}

	/** join enters the call of a room, or begins one; another call is left for it. */
	async join(room: Room): Promise<void> {
		if (this.#view && this.#view.room !== room) this.leave();
		try {
			await room.live.join({ audio: true, video: true });
		} catch (err) {
			this.#ports.notices.warn(reason(err));
		}
	}

	leave(): void {
		this.#view?.room.live.leave();
	}

	/** beside says which room is open. */
	beside(room: RoomView | null): void {
		this.#room = room;
		this.#place();
	}

	#changed(room: Room): void {
		const on = room.live.state !== "out";
		if (on && !this.#view) {
			this.#view = new CallView(room, {
				account: this.#ports.account,
				open: () => this.#ports.open(room),
				leave: () => this.#left(),
			});
			this.#place();
			this.#view.focus();
		} else if (!on && this.#view?.room === room) {
			this.#view.close();
			this.#view = null;
		}
	}

	/** left is the user's wish; the focus goes where the call can be joined again. */
	#left(): void {
		this.leave();
		this.#room?.focusCall();
	}

	#place(): void {
		const here = this.#room !== null && this.#room.room === this.#view?.room;
		this.#view?.place(here && this.#room ? this.#room.callPlace : this.#corner, !here);
	}

	#told(room: Room, id: string, joined: boolean): void {
		if (id === this.#ports.account.id) return;
		const name = firstName(this.#ports.account.identities.get(id)?.name ?? "Somebody");
		const first = joined && room.live.people.length === 1;
		const what = first ? "started a call" : `${joined ? "joined" : "left"} the call`;
		if (this.#room?.room === room)
			this.#ports.notices.announce(`${name} ${what}.`); // it can be seen
		else if (this.#view?.room === room) this.#ports.notices.say(`${name} ${what}.`);
		else if (first) this.#ports.notices.say(`${name} ${what} in “${titleOf(room)}”.`);
	}

	#ended(room: Room, why: CallEnding, code: string | null): void {
		const notices = this.#ports.notices;
		if (why === "elsewhere") notices.say("The call goes on in another window of yours.");
		else if (why === "removed" && !room.here)
			return; // out of the room: that is told
		else if (why === "removed") notices.warn(`You are not in the call of “${titleOf(room)}” any more.`);
		else notices.warn(`The call could not be taken up again. ${reasonOf(code ?? "ERR_UNKNOWN")}`);
	}
}
