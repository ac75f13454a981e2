import { avatar } from "./avatar";
import { el } from "./dom";
import { icon } from "./icons";
import { logo } from "./logo";
import { taken, type DemoUser } from "./users";

/** signIn is the page on which one chooses who to be. */
export function signIn(users: DemoUser[], invited: boolean, choose: (user: DemoUser) => void): HTMLElement {
	const list = el("ul", { class: "users" });
	const page = el(
		"main",
		{ class: "sign-in", id: "main" },
		el(
			"div",
			{ class: "card" },
			logo(),
			el("h1", { tabindex: -1 }, invited ? "You are invited to a room" : "Who are you in this window?"),
			el("p", {}, invited ? "Choose a person to join it with." : "Choose one of the people of this demo."),
			list,
			el(
				"p",
				{ class: "tip" },
				icon("window"),
				el(
					"span",
					{},
					"To talk with somebody, ",
					el("a", { href: "./", target: "_blank", rel: "noopener" }, "open a second window"),
					" and be another person there.",
				),
			),
		),
		el("p", { class: "small-print" }, "This demo runs on your own computer. Nothing leaves it."),
	);
	list.replaceChildren(...users.map((u) => userLine(u, choose)));
	void markTaken(list, users);
	return page;
}

function userLine(user: DemoUser, choose: (user: DemoUser) => void): HTMLLIElement {
	return el(
		"li",
		{},
		el(
			"button",
			{ type: "button", "data-login": user.login, onclick: () => choose(user) },
			avatar(null, user.name),
			el("span", { class: "who" }, user.name, el("small", {}, `@${user.login}`)),
			el("span", { class: "go" }, icon("send")),
		),
	);
}

/** markTaken says who is in use in another window of this browser. */
async function markTaken(list: HTMLElement, users: DemoUser[]): Promise<void> {
	const busy = await taken();
	users.forEach((u, n) => {
		const note = list.children[n]?.querySelector("small");
		if (busy.has(u.login) && note) note.textContent = `@${u.login} · open in another window`;
	});
}
