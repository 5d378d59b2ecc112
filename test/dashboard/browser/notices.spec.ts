import type { Route } from 'playwright-core';
import { until } from '../../support/until.js';
import { describePages, launch, quit, visit, type Visit } from './chromium.js';
import { openShop, type Shop } from './shop.js';

type Answers = Parameters<Route['fulfill']>[0];

const REFUSAL = { error: { code: 'UNAUTHORIZED', message: 'Unauthorized' } };

describePages('a page whose server has changed its mind', () => {
  let shop: Shop;

  beforeAll(async () => {
    [shop] = await Promise.all([openShop([]), launch()]);
  });
  afterAll(async () => {
    await quit();
    await shop.close();
  });

  /** From now on the API answers that, whatever it is asked. */
  const answers = ({ page }: Visit, answer: Answers) =>
    page.route('**/durable/api/**', (route) => route.fulfill(answer));

  test.each<[string, Answers]>([
    ['a refusal', { status: 401, json: REFUSAL }],
    // As a proxy does it that leads whoever is not signed in to a page of its own.
    ['a page to sign in at', { status: 200, contentType: 'text/html', body: '<h1>Sign in</h1>' }],
  ])('says that one is not let in any more where %s comes in place of an answer', async (_, answer) => {
    const v = await visit(shop.base());
    v.expectRefusals();
    await v.open('queues');
    await v.page.getByTestId('queue-default').waitFor();
    await answers(v, answer);
    await v.page.getByTestId('nav-schedules').click();
    await v.page.getByTestId('error').waitFor();
    await v.page.getByTestId('signed-out').waitFor();
    // What was there is there still.
    await v.page.getByTestId('nav-queues').click();
    await v.page.getByTestId('queue-default').waitFor();
    const anew = v.page.waitForEvent('request', (request) => request.isNavigationRequest());
    await v.page.getByTestId('signed-out').getByRole('button', { name: 'Reload' }).click();
    await anew;
    await v.page.unrouteAll();
    await v.open('queues');
    await v.page.getByTestId('queue-default').waitFor();
    expect(await v.page.getByTestId('signed-out').count()).toBe(0);
    expect(v.complaints).toEqual([]);
    await v.close();
  });

  test('says why it does not know which runs wait for people', async () => {
    const v = await visit(shop.base());
    v.expectRefusals();
    const broken = (route: Route) =>
      route.fulfill({ status: 500, json: { error: { code: 'INTERNAL', message: 'x' } } });
    await v.page.route('**/durable/api/inputs?*', broken);
    await v.open('runs?view=people');
    await v.page.getByTestId('error').waitFor();
    expect(await v.page.getByTestId('empty').count()).toBe(0);
    await v.page.unrouteAll();
    await v.page.getByTestId('error').getByRole('button', { name: 'Try again' }).click();
    await v.page.getByTestId('empty').waitFor();
    await v.close();
  });

  test('has something to say where all that is answered is not what it knows', async () => {
    const v = await visit(shop.base());
    await v.page.route('**/durable/api/**', (route) =>
      route.request().url().endsWith('api/me') ? route.continue() : route.fulfill({ json: {} }),
    );
    await v.open('queues');
    await v.page.getByTestId('error').getByRole('button', { name: 'Try again' }).waitFor();
    await v.close();
  });

  test('says that a new version is here', async () => {
    const v = await visit(shop.base());
    await v.open('queues');
    await v.page.getByTestId('queue-default').waitFor();
    expect(await v.page.getByTestId('new-version').count()).toBe(0);
    const me = (await (await fetch(`${shop.base()}api/me`)).json()) as object;
    await v.page.route('**/durable/api/me', (route) => route.fulfill({ json: { ...me, version: '99.0.0' } }));
    // Who looks is asked for when one comes back to the page, unless that was known a moment ago.
    await until(async () => {
      await v.page.evaluate('document.dispatchEvent(new Event("visibilitychange", { bubbles: true }))');
      return (await v.page.getByTestId('new-version').count()) > 0;
    });
    await v.page.getByTestId('new-version').getByRole('button', { name: 'Reload' }).click();
    await v.page.getByTestId('queue-default').waitFor();
    expect(await v.page.getByTestId('new-version').count()).toBe(0);
    expect(v.complaints).toEqual([]);
    await v.close();
  });
});
