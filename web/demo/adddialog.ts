import type { Account, Identity, Room } from "../sdk";
import { avatar, withPresence } from "./avatar";
import { errorLine, openDialog } from "./dialog";
import { el, fill } from "./dom";
import { icon } from "./icons";
import { openInviteDialog } from "./invitedialog";
import { reason } from "./words";

/** How long to wait for the next key before searching, in milliseconds. */
const PAUSE = 200;

/** openAddDialog lets people into a room. suggestions are names to begin with. */
export function openAddDialog(account: Account, room: Room, suggestions: string[]): void {
	const input = el("input", { id: "person", type: "search", autocomplete: "off", autofocus: true, placeholder: "Part of a name" });
	const results = el("ul", { class: "people choices", "aria-label": "People found" });
	const state = el("p", { class: "help", role: "status" });
	const error = errorLine();
	let timer: ReturnType<typeof setTimeout> | undefined;
	let turn = 0;
	input.addEventListener("input", () => {
		clearTimeout(timer);
		timer = setTimeout(() => void search(), PAUSE);
	});
	const dialog = openDialog(
		"Add a person",
		el("div", { class: "stack" }, el("label", { for: "person" }, "Search"), input),
		results,
		state,
		error,
		el(
			"p",
			{ class: "help" },
			"Nobody to be found? ",
			el("button", { type: "button", class: "text-button", onclick: inviteInstead }, "Invite with a link"),
			" works for everybody.",
		),
	);
	void search();

	function inviteInstead(): void {
		dialog.close();
		openInviteDialog(room);
	}

	async function search(): Promise<void> {
		const mine = ++turn;
		const needle = input.value.trim();
		try {
			const found = await find(account, needle ? [needle] : suggestions);
			if (mine !== turn) return;
			const others = found.filter((i) => i.clientId !== account.id);
			fill(results, ...others.map(choice));
			state.textContent = others.length > 0 ? "" : nobody(needle);
			error.textContent = "";
		} catch (err) {
			if (mine === turn) error.textContent = reason(err);
		}
	}

	function choice(person: Identity): HTMLLIElement {
		const button = el("button", { type: "button", class: "quiet small", "aria-label": `Add ${person.name}` }, "Add");
		const done = () => {
			const mark = el("span", { class: "done" }, icon("check"), "in the room");
			button.replaceWith(mark);
		};
		const row = el(
			"li",
			{},
			withPresence(avatar(person.avatar, person.name), person.isOnline),
			el("span", { class: "who" }, person.name, el("small", {}, person.isOnline ? "online" : "offline")),
			button,
		);
		if (room.members.includes(person.clientId)) done();
		button.addEventListener("click", () => void add(person, button, done));
		return row;
	}

	async function add(person: Identity, button: HTMLButtonElement, done: () => void): Promise<void> {
		button.disabled = true;
		try {
			await room.add(person.clientId);
			done();
			state.textContent = `${person.name} is in the room now.`;
			input.focus();
		} catch (err) {
			button.disabled = false;
			error.textContent = reason(err);
		}
	}
}

/** find merges what is found for several needles. */
async function find(account: Account, needles: string[]): Promise<Identity[]> {
	const found = (await Promise.all(needles.map((n) => account.searchUsers(n)))).flat();
	return [...new Map(found.map((i) => [i.clientId, i])).values()];
}

function nobody(needle: string): string {
	return needle
		? `Nobody is called “${needle}”. People can be found once they have signed in.`
		: "Nobody else has signed in yet. Open a second window and choose another person there.";
}
