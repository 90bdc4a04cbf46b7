// Asks before something that cannot be taken back.

import { byID, write } from './dom.js';
import { reason } from './reason.js';
import { put, say, translate } from './text.js';

/**
 * Shows the question ask.{key} and does act on yes; the dialog stays open with
 * the error when act fails. Resolves with what act gave, undefined when it was
 * not done.
 */
export function ask(key, args, act) {
  const dialog = byID('ask');
  const yes = byID('ask-yes');
  const failure = byID('ask-error');
  say(byID('ask-title'), `ask.${key}.title`, args);
  say(byID('ask-text'), `ask.${key}.text`, args);
  say(yes, `ask.${key}.yes`, args);
  failure.hidden = true;
  return new Promise((resolve) => {
    let done;
    let busy = false;
    const events = new AbortController();
    const { signal } = events;
    yes.addEventListener('click', async () => {
      if (busy) return;
      busy = true;
      yes.setAttribute('aria-disabled', 'true');
      say(yes, 'ask.busy');
      try {
        done = await act();
        dialog.close();
      } catch (error) {
        put(failure, translate('failed', { message: reason(error) }));
        failure.hidden = false;
        say(yes, `ask.${key}.yes`, args);
      } finally {
        busy = false;
        yes.removeAttribute('aria-disabled');
      }
    }, { signal });
    byID('ask-no').addEventListener('click', () => dialog.close(), { signal });
    dialog.addEventListener('cancel', (event) => {
      if (busy) event.preventDefault();
    }, { signal });
    dialog.addEventListener('close', () => {
      events.abort();
      write(failure, '');
      resolve(done);
    }, { signal });
    dialog.showModal();
    byID('ask-no').focus();
  });
}
