import { startSample, type SampleApp } from '../support/sample.js';

let app: SampleApp;

beforeAll(async () => {
  app = await startSample(() => import('../../sample/03-dashboard-builder/src/app.module.js'));
});

afterAll(() => app.close());

describe('sample 03-dashboard-builder', () => {
  it('puts together what the arms gave, with a collector and without', async () => {
    const run = await app.run('/dashboards', { user: 'ada', offline: [] });
    expect(run.status).toBe('completed');
    expect(run.data).toEqual({
      user: 'ada',
      offline: [],
      widgets: { weather: '21 °C, sunny', news: 'Nothing happened today', stocks: 'up by 7' },
      html: '<h1>[A] ada ***</h1><p>weather: 21 °C, sunny</p><p>news: Nothing happened today</p><p>stocks: up by 7</p>',
    });
    const paths = run.steps.map(({ path }) => path);
    expect(paths.toSorted()).toEqual(
      [
        'widgets.weather/weather',
        'widgets.news/news',
        'widgets.stocks/quotes',
        'widgets.stocks/trend',
        'widgets',
        'profile.avatar/avatar',
        'profile.badges/badges',
        'profile',
        'render',
      ].toSorted(),
    );
    expect(paths.indexOf('widgets')).toBe(4);
  });

  it('shows the other widgets where a source is down', async () => {
    const run = await app.run('/dashboards', { user: 'ada', offline: ['news'] });
    expect(run.status).toBe('completed');
    expect(run.data['widgets']).toEqual({
      weather: '21 °C, sunny',
      news: 'not available: news does not answer',
      stocks: 'up by 7',
    });
    const news = run.steps.filter(({ step }) => step === 'news');
    expect(news.map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, 'failed'],
      [2, 'failed'],
    ]);
  });
});
