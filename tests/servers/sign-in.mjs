// node sign-in.mjs URL
// What a person does in a browser: opens URL in headless Chromium, signs in as alice wherever a page asks, agrees to
// what it shows, and reads the last page. Prints where that was and what it said. Ends at the first page with nothing
// to send.
// Needs Debian's chromium and chromium-driver; the driver speaks plain HTTP, so nothing else.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'; // https://www.w3.org/TR/webdriver2/#elements
const PATIENCE = 60_000;

const home = await mkdtemp(join(tmpdir(), 'sign-in.'));
const driver = spawn('chromedriver', ['--port=0'], {
  env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
  stdio: ['ignore', 'pipe', 'inherit'],
});
let session;
try {
  const address = `http://127.0.0.1:${await driverPort()}`;
  session = await open(address);
  await call('POST', '/url', { url: process.argv[2] });
  const end = Date.now() + PATIENCE;
  while (await sendForm()) {
    if (Date.now() > end) throw new Error('the sign-in does not end');
  }
  const page = await one('body');
  // Its query may hold a code.
  console.log((await call('GET', '/url')).split('?')[0]);
  console.log(await call('GET', `/element/${page}/text`));
} finally {
  if (session) await call('DELETE', '').catch(() => {});
  driver.kill();
  await rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

async function driverPort() {
  let said = '';
  for await (const chunk of driver.stdout) {
    said += chunk;
    const found = said.match(/started successfully on port (\d+)/);
    if (found) {
      driver.stdout.resume();
      return Number(found[1]);
    }
  }
  throw new Error(`chromedriver does not start: ${said}`);
}

async function open(address) {
  const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
  args.push(`--user-data-dir=${join(home, 'profile')}`, '--no-proxy-server');
  const options = { binary: '/usr/bin/chromium', args };
  const answer = await send('POST', `${address}/session`, {
    capabilities: { alwaysMatch: { 'goog:chromeOptions': options } },
  });
  return `${address}/session/${answer.sessionId}`;
}

// Fills in the form of this page and sends it; false where there is none.
async function sendForm() {
  const button = await one('[type=submit]:not([name=abort])');
  if (!button) return false;
  for (const [name, text] of [['login', 'alice'], ['password', 'made-up']]) {
    const field = await one(`form input[name=${name}]`);
    if (field) await call('POST', `/element/${field}/value`, { text });
  }
  await call('POST', `/element/${button}/click`, {});
  await sleep(200);
  return true;
}

async function one(selector) {
  const found = await call('POST', '/elements', { using: 'css selector', value: selector });
  return found[0]?.[ELEMENT];
}

function call(method, path, body) {
  return send(method, session + path, body);
}

async function send(method, url, body) {
  const answer = await fetch(url, { method, body: body && JSON.stringify(body) });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${new URL(url).pathname}: ${value.message}`);
  return value;
}
