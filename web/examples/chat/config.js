// What to change: the gateway's address, the app, and where UserSigs come from.

const query = new URLSearchParams(location.search);

/** The gateway's address: from ?gateway=, or where `make run` starts it. */
export const gateway = query.get('gateway') ?? 'http://127.0.0.1:8080';

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
  if (!response.ok) throw new Error(`${gateway} signs no test UserSigs (${response.status}): start it with --dev, or put your own server into config.js.`);
  return (await response.json()).userSig;
}

/** The SDK, which the gateway serves. With npm: import TIM from 'tim-wasm'. */
export const sdk = new Promise((resolve, reject) => {
  const script = document.createElement('script');
  script.src = `${gateway}/sdk/tim.js`;
  script.onload = () => resolve(globalThis.TIM);
  script.onerror = () => reject(new Error(`The gateway is not at ${gateway}: start it, or name another with ?gateway=.`));
  document.head.append(script);
});
