import { Emitter } from "./events";
import { changedIdentity, fields, readIdentity, type AccountId, type Identity } from "./types";

/** Ask sends a request of the identity channel (docs/protocol.md 3.5). */
type Ask = (type: string, data: unknown) => Promise<unknown>;

/** The server answers for so many ids at once, and more. */
const AT_ONCE = 500;

/** Identities holds what is known of people, and keeps it current. */
export class Identities extends Emitter<{ change: null }> {
	readonly #ask: Ask;
	readonly #known = new Map<AccountId, Identity>();
	readonly #wanted = new Set<AccountId>();
	#asking = false;

	constructor(ask: Ask) {
		super();
		this.#ask = ask;
	}

	get(id: AccountId | null): Identity | undefined {
		return id === null ? undefined : this.#known.get(id);
	}

	/** want sees to it that these identities become known; change tells when. */
	want(ids: Iterable<AccountId>): void {
		for (const id of ids) if (!this.#known.has(id)) this.#wanted.add(id);
		if (this.#asking || this.#wanted.size === 0) return;
		this.#asking = true;
		queueMicrotask(() => void this.#fetch());
	}

	/** learn takes over an identity that came with something else. */
	learn(value: unknown): Identity | null {
		const identity = readIdentity(value);
		if (identity) {
			this.#known.set(identity.clientId, identity);
			this.emit("change", null);
		}
		return identity;
	}

	/** update takes an identity-update. */
	update(data: unknown): void {
		const id = fields(data)?.clientId;
		const old = typeof id === "string" ? this.#known.get(id) : undefined;
		const next = old && changedIdentity(old, data);
		if (!next) return;
		this.#known.set(next.clientId, next);
		this.emit("change", null);
	}

	/** refresh asks for what has changed while the connection was away. */
	async refresh(): Promise<void> {
		const held = Object.fromEntries([...this.#known].map(([id, i]) => [id, i.lastUpdate]));
		this.want([]);
		if (this.#known.size > 0) this.#learnAll(await this.#ask("refresh", held).catch(() => null));
	}

	async #fetch(): Promise<void> {
		const ids = [...this.#wanted].slice(0, AT_ONCE);
		const found = await this.#ask("get-list", ids).catch(() => null);
		this.#asking = false;
		if (found === null) return; // refresh asks again
		for (const id of ids) this.#wanted.delete(id);
		this.#learnAll(found);
		this.want([]);
	}

	#learnAll(found: unknown): void {
		if (!Array.isArray(found)) return;
		for (const value of found) {
			const identity = readIdentity(value);
			if (identity) this.#known.set(identity.clientId, identity);
		}
		this.emit("change", null);
	}
}
