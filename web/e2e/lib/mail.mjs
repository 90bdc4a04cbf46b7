// What the tests of messages need besides the stage.

import { readFileSync } from 'node:fs';

const script = readFileSync(new URL('mail.js', import.meta.url), 'utf8');

/** A stage whose members can send and read. */
export const mailbox = (stage) => ({
  prepare: (page) => page.evaluate(script),

  /** A member with lib/mail.js in its page, whose first synchronisation is done. */
  async member(t, user, options) {
    const page = await stage.actor(t);
    await page.evaluate(script);
    await stage.create(page, options);
    const result = await stage.login(page, user);
    if (!result.resolved) throw new Error(`${user} could not log in: ${JSON.stringify(result)}`);
    await page.evaluate(() => globalThis.story.until('TOTAL_UNREAD_MESSAGE_COUNT_UPDATED'));
    return page;
  },
});

/** Calls the server API as the administrator. */
export async function rest(stage, command, body) {
  const query = new URLSearchParams({
    sdkappid: '1400000000',
    identifier: 'administrator',
    usersig: stage.sig('administrator'),
    random: String(Math.floor(Math.random() * 2 ** 32)),
    contenttype: 'json',
  });
  const answer = await fetch(`${stage.timd.url}/v4/${command}?${query}`, { method: 'POST', body: JSON.stringify(body) });
  const reply = await answer.json();
  if (reply.ErrorCode !== 0) throw new Error(`${command}: ${JSON.stringify(reply)}`);
  return reply;
}
