/** A function that takes back what the call that returned it has done. */
export type Undo = () => void;

/**
 * Emitter calls listeners by the name of an event. Events maps each name to what
 * its listeners are given.
 */
export class Emitter<Events extends object> {
	readonly #listeners = new Map<keyof Events, Set<(data: never) => void>>();

	/** on calls listener at each event of this name until the result is called. */
	on<Name extends keyof Events>(name: Name, listener: (data: Events[Name]) => void): Undo {
		const all = this.#listeners.get(name) ?? new Set();
		this.#listeners.set(name, all);
		all.add(listener);
		return () => void all.delete(listener);
	}

	/** emit calls the listeners; one that fails does not hinder the others. */
	protected emit<Name extends keyof Events>(name: Name, data: Events[Name]): void {
		for (const listener of [...(this.#listeners.get(name) ?? [])]) {
			try {
				(listener as (data: Events[Name]) => void)(data);
			} catch (err) {
				queueMicrotask(() => {
					throw err;
				});
			}
		}
	}
}
