// Who is logged in, and to which apps: from the link that `timd serve --dev` prints,
// from this tab's session storage, or from the form. Never in a cookie, never in
// localStorage, and in the address bar only until it has been read.

const KEY = 'tim-console';

let known = stored(); // what the storage has, or would have if it were not blocked

/** What the page was opened with; undefined when somebody has to log in. */
export function recallWho() {
  const link = new URLSearchParams(location.hash.slice(1));
  if (link.has('usersig')) {
    history.replaceState(null, '', location.pathname + location.search);
    const who = { app: link.get('sdkappid') ?? '', admin: link.get('identifier') ?? '', sig: link.get('usersig') };
    rememberWho(who);
    return who;
  }
  const { list, chosen } = known;
  return list.find((who) => nameOf(who) === chosen);
}

/** The administrators that this tab has logged in, one of each app or several. */
export const everyone = () => known.list;

/** Keeps who for reloads of this tab, and that they were chosen last. */
export function rememberWho(who) {
  const list = known.list.filter((other) => nameOf(other) !== nameOf(who));
  keep({ list: [...list, who].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)), chosen: nameOf(who) });
}

/** Deletes one whose UserSig is refused, but not the one who is logged in with another. */
export function forgetWho(who) {
  const { list, chosen } = known;
  keep({ list: list.filter((other) => nameOf(other) !== nameOf(who) || other.sig !== who.sig), chosen });
}

export function forgetEveryone() {
  keep({ list: [] });
}

/** What tells one administrator from another, and what is shown of them. */
export const nameOf = ({ admin, app }) => `${admin} · ${app}`;

function stored() {
  try {
    const { list, chosen } = JSON.parse(sessionStorage.getItem(KEY));
    return { list: Array.from(list), chosen };
  } catch {
    return { list: [] };
  }
}

function keep(all) {
  known = all;
  try {
    if (all.list.length > 0) sessionStorage.setItem(KEY, JSON.stringify(all));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage is blocked: only this page knows, and a reload asks again.
  }
}
