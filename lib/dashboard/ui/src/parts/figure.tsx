/** One figure of several. */
export function OneFigure({
  name,
  value,
  unit = '',
  note,
  bad = false,
}: {
  name: string;
  value: string;
  unit?: string;
  note: string;
  bad?: boolean;
}) {
  return (
    <div className="fig">
      <dt>{name}</dt>
      <dd className={bad ? 's-fail' : ''}>
        {value}
        {unit !== '' && <small>{unit}</small>}
      </dd>
      <dd className="sub">{note}</dd>
    </div>
  );
}
