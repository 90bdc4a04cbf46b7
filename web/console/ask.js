// Asks before something that cannot be taken back.

import { byID, write } from './dom.js';
import { reason } from './reason.js';
import { put, say, translate } from './text.js';

let settle; // ends the question that was asked last

/**
 * Shows the question ask.{key} and calls act on yes; the dialog stays open
 * with the error if act fails. Resolves with act's result, or undefined if it
 * was not called.
 */
export function ask(key, args, act) {
  settle?.(); // its dialog has closed, but the close event has not come yet
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
      say(yes, `ask.${key}.busy`);
      try {
        done = await act();
        if (!signal.aborted) dialog.close();
      } catch (error) {
        if (signal.aborted) return; // the dialog shows another question by now
        put(failure, translate('failed', { message: reason(error) }));
        failure.hidden = false;
        say(yes, `ask.${key}.yes`, args);
      } finally {
        busy = false;
        if (!signal.aborted) yes.removeAttribute('aria-disabled');
      }
    }, { signal });
    byID('ask-no').addEventListener('click', () => dialog.close(), { signal });
    dialog.addEventListener('cancel', (event) => {
      if (busy) event.preventDefault();
    }, { signal });
    settle = () => {
      settle = undefined;
      events.abort();
      yes.removeAttribute('aria-disabled');
      write(failure, '');
      resolve(done);
    };
    dialog.addEventListener('close', () => {
      if (!dialog.open) settle(); // otherwise it is the close of the question before
    }, { signal });
    dialog.showModal();
    byID('ask-no').focus();
  });
}
