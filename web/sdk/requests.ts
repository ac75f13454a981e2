import type { Reply } from "./types";

/** Codes of failures that happen on this side of the wire. */
export const OFFLINE = "ERR_OFFLINE";
export const NO_ANSWER = "ERR_NO_ANSWER";

/** Refused says why a request failed; code is the server's, or one of the above. */
export class Refused extends Error {
	constructor(
		readonly code: string,
		message = code,
	) {
		super(message);
		this.name = "Refused";
	}
}

/**
 * How long a request waits for its answer, in milliseconds: longer than it takes to
 * notice that a connection is dead.
 */
const PATIENCE = 25_000;

interface Waiting {
	resolve(response: unknown): void;
	reject(err: Refused): void;
	timer: ReturnType<typeof setTimeout>;
}

/** Requests matches replies with what asked for them (docs/protocol.md 3.3). */
export class Requests {
	readonly #waiting = new Map<string, Waiting>();
	#last = 0;

	/** ask calls send with a new request id; send says whether it could. */
	ask(send: (requestId: string) => boolean): Promise<unknown> {
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
	settle(reply: Reply): void {
		const waiting = this.#take(reply.requestId);
		if (!reply.error) waiting?.resolve(reply.response);
		else waiting?.reject(new Refused(typeof reply.error === "string" ? reply.error : "ERR_UNKNOWN"));
	}

	/** dropAll fails everything that waits: its answers cannot come any more. */
	dropAll(): void {
		for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(new Refused(OFFLINE));
	}

	#take(id: string): Waiting | undefined {
		const waiting = this.#waiting.get(id);
		if (waiting) clearTimeout(waiting.timer);
		this.#waiting.delete(id);
		return waiting;
	}
}
