/** DemoUser is one whom visitors of the demo can be. */
export interface DemoUser {
	login: string;
	name: string;
	authId: string;
}

/** loadUsers asks the server who there is to be. */
export async function loadUsers(): Promise<DemoUser[]> {
	const answer = await fetch("demo/users.json", { cache: "no-store" });
	if (!answer.ok) throw new Error(`the server answered with status ${answer.status}`);
	const users: unknown = await answer.json();
	return Array.isArray(users) ? users.filter(isUser) : [];
}

function isUser(value: unknown): value is DemoUser {
	const u = value as Partial<DemoUser> | null;
	return typeof u?.login === "string" && typeof u.name === "string" && typeof u.authId === "string";
}

const CHOSEN = "presence.demo.user";

/** Each window remembers for itself who it is. */
export const chosen = {
	get: (): string | null => sessionStorage.getItem(CHOSEN),
	set: (login: string): void => sessionStorage.setItem(CHOSEN, login),
	clear: (): void => sessionStorage.removeItem(CHOSEN),
};

/** hold shows other windows that this person is taken, until the result is called. */
export function hold(login: string): () => void {
	let release = () => {};
	const held = new Promise<void>((resolve) => (release = resolve));
	void navigator.locks?.request(CHOSEN + "." + login, { mode: "shared" }, () => held);
	return release;
}

/** taken lists who is open in another window. */
export async function taken(): Promise<Set<string>> {
	const held = (await navigator.locks?.query())?.held ?? [];
	return new Set(held.map((l) => (l.name ?? "").replace(CHOSEN + ".", "")));
}
