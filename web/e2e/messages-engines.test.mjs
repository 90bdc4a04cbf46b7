// Messages in the other engines: two accounts of one page write to each other.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from './lib/test.mjs';
import { launch } from './lib/browser.mjs';
import { startSite } from './lib/site.mjs';
import { startTimd } from './lib/timd.mjs';

const timd = await startTimd();
const site = await startSite();
after(() => Promise.all([timd.close(), site.close()]));
const script = readFileSync(new URL('lib/mail.js', import.meta.url), 'utf8');

for (const engine of ['firefox', 'webkit']) {
  test(`${engine}: a message goes, its object lives, is read and revoked`, async (t) => {
    const browser = await launch(engine);
    t.after(() => browser.close());
    const page = await browser.newPage();
    await page.goto(site.url);
    await page.evaluate((base) => globalThis.startSDK(base), timd.url);
    await page.evaluate((text) => new Function(text)(), script);
    const sigs = await Promise.all(['alice', 'bob'].map((user) => timd.userSig(`${engine}-${user}`)));
    const result = await page.evaluate(
      async (proxyServer, sigs) => {
        const { TIM, Story } = globalThis;
        const [alice, bob] = await Promise.all(
          sigs.map(async ({ SDKAppID, userID, userSig }) => {
            const tim = TIM.create({ SDKAppID, proxyServer, name: userID });
            const story = new Story(tim);
            await tim.login({ userID, userSig });
            await story.until('TOTAL_UNREAD_MESSAGE_COUNT_UPDATED');
            return { tim, story, userID };
          }),
        );
        const message = alice.tim.createTextMessage({ to: bob.userID, conversationType: 'C2C', payload: { text: '你好 <b>' } });
        const { data } = await alice.tim.sendMessage(message);
        await bob.story.until('MESSAGE_RECEIVED');
        const [received] = bob.story.mail.find((line) => line.name === 'MESSAGE_RECEIVED').data;
        const page = (await bob.tim.getMessageList({ conversationID: received.conversationID })).data;
        await bob.tim.setMessageRead({ conversationID: received.conversationID });
        await alice.story.until('MESSAGE_READ_BY_PEER');
        await alice.tim.revokeMessage(message);
        await bob.story.until('MESSAGE_REVOKED');
        return {
          same: data.message === message && page.messageList[0] === received,
          text: received.payload.text,
          isPeerRead: message.isPeerRead,
          isRevoked: received.isRevoked,
          isCompleted: page.isCompleted,
        };
      },
      timd.url,
      sigs,
    );
    assert.deepEqual(result, { same: true, text: '你好 <b>', isPeerRead: true, isRevoked: true, isCompleted: true });
  });
}
