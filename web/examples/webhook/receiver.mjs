// Takes timd's webhooks and checks that they are timd's:
// timd serve … --webhook http://127.0.0.1:9000/tim
// With --webhook-events State.StateChange,C2C.* it is also asked about messages.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

if (!process.env.TIM_KEY) {
  console.error('TIM_KEY is empty: set it to the key that timd has, TIM_KEY="$(cat app.key)"');
  process.exit(1);
}
// Webhooks are signed with a key that is derived from the app's secret key.
const key = createHmac('sha256', process.env.TIM_KEY).update('tim webhook').digest();
const seen = new Set(); // ids: an event may arrive twice. Keep them in your database.

function isOurs(request, body) {
  const timestamp = request.headers['x-tim-timestamp'] ?? '';
  const query = request.url.slice(request.url.indexOf('?') + 1);
  const text = `${timestamp}\n${request.headers['x-tim-event']}\n${query}\n`;
  const right = createHmac('sha256', key).update(text).update(body).digest();
  const fresh = Math.abs(Date.now() / 1000 - Number(timestamp)) < 300;
  const signatures = (request.headers['x-tim-signature'] ?? '').split(','); // two while keys rotate
  return fresh && signatures.some((one) => {
    const given = Buffer.from(one.replace('v1=', ''), 'hex');
    return given.length === right.length && timingSafeEqual(given, right);
  });
}

const [host, port] = (process.env.LISTEN || '127.0.0.1:9000').split(':');
createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray());
  if (!isOurs(request, body)) return response.writeHead(403).end();
  const id = request.headers['x-tim-event'];
  const event = JSON.parse(body);
  if (event.CallbackCommand.includes('.CallbackBefore')) {
    // A user waits for this answer: put your own rules here. MsgBody is there for messages.
    const refused = event.MsgBody?.some(({ MsgContent }) => MsgContent.Text?.includes('forbidden'));
    return response.end(JSON.stringify({ ActionStatus: 'OK', ErrorInfo: refused ? 'not here' : '', ErrorCode: refused ? 1 : 0 }));
  }
  if (!seen.has(id)) {
    seen.add(id);
    if (event.CallbackCommand === 'State.StateChange') {
      const { Info, KickedDevice } = event;
      console.log(Info.Action, Info.To_Account, Info.Reason, KickedDevice?.map(({ Platform }) => Platform).join() ?? '');
    } else {
      console.log(event.CallbackCommand, event.From_Account ?? event.Operator_Account, event.To_Account ?? event.GroupId);
    }
  }
  response.writeHead(200).end(); // after anything but 2xx timd sends it again
}).listen(port, host, () => console.log(`listening on http://${host}:${port}/`));
