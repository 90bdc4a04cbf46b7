// What to change: the gateway's address, the app, and where UserSigs come from.

// Only on this machine does the page's address choose the gateway, with ?gateway=:
// its script is run here, and anybody can make a link to a page on the web.
const here = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
const named = here ? new URLSearchParams(location.search).get('gateway') : null;

/** The gateway: where `make run` starts it, until you put yours here. */
export const gateway = named ?? 'http://127.0.0.1:8080';

export const SDKAppID = 1400000000;

/**
 * Returns a UserSig for the user who has logged in to your site. This function asks
 * a gateway that runs with --dev, which signs for anybody. Replace it by a call to
 * your own server, as in ../backend, which must find out by itself who is asking.
 * @param {string} userID
 * @returns {Promise<string>}
 */
export async function userSig(userID) {
  const response = await fetch(`${gateway}/dev/usersig`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ userID }),
  });
  if (!response.ok) throw new Error(`${gateway} did not sign a test UserSig (${response.status}): start it with --dev, or ask your own server in config.js.`);
  return (await response.json()).userSig;
}

/** The SDK, which the gateway serves. With npm: import TIM from 'tim-wasm'. */
export const sdk = new Promise((resolve, reject) => {
  const script = document.createElement('script');
  script.src = `${gateway}/sdk/tim.js`;
  script.onload = () => resolve(globalThis.TIM);
  script.onerror = () => reject(new Error(`The gateway is not at ${gateway}: start it, or name another one in config.js.`));
  document.head.append(script);
});
