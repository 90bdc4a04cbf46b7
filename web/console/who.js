// Who is logged in: from the link that `timd serve --dev` prints, from this
// tab's session storage, or from the form. Never in a cookie, never in
// localStorage, and in the address bar only until it has been read.

const KEY = 'tim-console';

/** What the page was opened with; undefined when somebody has to log in. */
export function recallWho() {
  const link = new URLSearchParams(location.hash.slice(1));
  if (link.has('usersig')) {
    history.replaceState(null, '', location.pathname + location.search);
    const who = { app: link.get('sdkappid') ?? '', admin: link.get('identifier') ?? '', sig: link.get('usersig') };
    rememberWho(who);
    return who;
  }
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps who for reloads of this tab; undefined deletes it. */
export function rememberWho(who) {
  try {
    if (who) sessionStorage.setItem(KEY, JSON.stringify(who));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage is blocked: a reload asks again.
  }
}
