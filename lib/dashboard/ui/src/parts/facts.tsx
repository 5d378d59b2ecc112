import { Words } from './text.js';

/** Facts by name. */
export function Facts({ of }: { of: readonly (readonly [name: string, value: string])[] }) {
  return (
    <dl className="facts">
      {of.map(([key, value]) => (
        <div key={key} className="contents">
          <dt>{key}</dt>
          <dd>
            <Words text={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
