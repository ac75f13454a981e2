import { readStamp, readStamps } from "./livetypes";

/**
 * Pairing settles with a peer who of the two is host: the one with the lower stamp.
 * Each says its stamp until the other has accepted both (docs/protocol.md 16.7).
 */
export class Pairing {
	readonly #say: (type: string, data?: unknown) => boolean;
	readonly #settled: (host: boolean) => void;
	#own = 0;
	#other = 0;
	#host: boolean | null = null;

	/** settled is called again when the other one began anew. */
	constructor(say: (type: string, data?: unknown) => boolean, settled: (host: boolean) => void) {
		this.#say = say;
		this.#settled = settled;
	}

	/** Whether we are host, null as long as that is open. */
	get host(): boolean | null {
		return this.#host;
	}

	begin(): void {
		this.#host = null;
		this.#own = Date.now();
		this.repeat();
	}

	/** repeat says the stamp again, if it is not settled who is host. */
	repeat(): void {
		if (this.#host === null) this.#say("sync", this.#own);
	}

	/** sync takes the other one's stamp. */
	sync(data: unknown): void {
		const stamp = readStamp(data);
		if (stamp === null) return;
		if (this.#host === null && stamp === this.#own) {
			this.#own += 1 + Math.floor(Math.random() * 1_000); // said at the next repeat
			return;
		}
		const repeated = this.#host !== null && stamp === this.#other;
		if (this.#host !== null && !repeated) this.#own = stamp + (this.#host ? -1 : 1); // who was host stays it
		this.#other = stamp;
		this.#say("sync-accept", [this.#own, stamp]);
		if (repeated) this.#open();
		else this.#settle(this.#own < stamp);
	}

	/** accept takes the other one's answer to our stamp. */
	accept(data: unknown): void {
		const stamps = readStamps(data);
		if (!stamps || this.#host !== null) return;
		const [theirs, heard] = stamps;
		if (heard !== this.#own || theirs === this.#own) return; // about stamps of before
		this.#other = theirs;
		this.#settle(this.#own < theirs);
	}

	#settle(host: boolean): void {
		this.#host = host;
		this.#settled(host);
		this.#open();
	}

	/** open asks the host to begin. */
	#open(): void {
		if (!this.#host) this.#say("open");
	}
}
