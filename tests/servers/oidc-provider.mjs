// node oidc-provider.mjs PORT        (0: a free one; the first line of stdout names the issuer)
// A certified OpenID provider on loopback that is as strict as they get: PKCE with S256 required, access tokens of 5 s
// to the second, every refresh rotates, and a refresh token that comes twice revokes the whole grant.
//   CANARY=WORD   stands in every secret, so that a test sees where they show up
//   AUTO=1        signs alice in and consents without a page to click
// For the tests: GET /_log, and GET /_life?seconds=N for access tokens from then on.
import { Provider } from 'oidc-provider';

const port = Number(process.argv[2] ?? 0);
const auto = process.env.AUTO === '1';
const canary = process.env.CANARY ?? 'CANARY000000000000';
const log = [];
let life = 5;

const server = (await import('node:http')).createServer();
await new Promise((resolve) => server.listen(port, '127.0.0.1', 1024, resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'people',
      application_type: 'native', // RFC 8252: any port of a loopback redirect
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      redirect_uris: ['http://127.0.0.1/callback', 'http://127.0.0.1/', 'http://localhost/callback'],
    },
    {
      client_id: 'machine',
      client_secret: `sk-ant-${canary}-client`,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    },
  ],
  scopes: ['openid', 'offline_access', 'user:inference'],
  pkce: { required: () => true },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: !auto },
    deviceFlow: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
  },
  ttl: {
    AccessToken: () => life,
    ClientCredentials: () => life,
    AuthorizationCode: 60,
    DeviceCode: 600,
    Grant: 3600,
    IdToken: 60,
    Interaction: 600,
    RefreshToken: 3600,
    Session: 3600,
  },
  rotateRefreshToken: () => true,
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  findAccount: (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id, email: `${id}@example.test` }) }),
  cookies: { keys: ['made-up'] },
  clockTolerance: 0, // 15 s otherwise, which would make 20 s of the 5
  ...(auto ? { interactions: { url: (_ctx, interaction) => `/auto/${interaction.uid}` } } : {}),
});

// An opaque token is its own id.
for (const [kind, name] of Object.entries({
  AccessToken: 'access',
  AuthorizationCode: 'code',
  ClientCredentials: 'machine',
  DeviceCode: 'device',
  RefreshToken: 'refresh',
})) {
  const { prototype } = provider[kind];
  const random = prototype.generateTokenId;
  prototype.generateTokenId = function generateTokenId() {
    return `sk-ant-${canary}-${name}-${random.call(this)}`;
  };
}

const note = (event) => (ctx, problem) =>
  log.push({ event, grant: ctx?.oidc?.params?.grant_type, error: problem?.error, detail: problem?.error_detail });
for (const event of ['grant.success', 'grant.error', 'grant.revoked', 'revocation.error', 'server_error']) {
  provider.on(event, note(event));
}
// A grant can also go without anybody asking for it.
provider.on('refresh_token.destroyed', () => log.push({ event: 'refresh_token.destroyed' }));

provider.use(async (ctx, next) => {
  if (ctx.path === '/_log') {
    ctx.body = log;
  } else if (ctx.path === '/_life') {
    life = Number(ctx.query.seconds);
    ctx.body = { life };
  } else if (auto && ctx.path.startsWith('/auto/')) {
    await consent(ctx);
  } else {
    await next();
    if (ctx.path === '/token/revocation') log.push({ event: 'revocation', status: ctx.status });
  }
});

async function consent(ctx) {
  const interaction = await provider.interactionDetails(ctx.req, ctx.res);
  const accountId = interaction.session?.accountId ?? 'alice';
  const known = interaction.grantId && (await provider.Grant.find(interaction.grantId));
  const grant = known || new provider.Grant({ accountId, clientId: interaction.params.client_id });
  grant.addOIDCScope(interaction.params.scope ?? 'openid');
  const result = { login: { accountId }, consent: { grantId: await grant.save() } };
  ctx.respond = false;
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: true });
}

server.on('request', provider.callback());
console.log(issuer);
