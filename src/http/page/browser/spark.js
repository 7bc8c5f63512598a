// The small curves of CPU and memory in the table.

/** @typedef {{ svg: SVGSVGElement, line: SVGPolylineElement, samples: number[] }} Spark */

const SAMPLES = 40;
const SVG = 'http://www.w3.org/2000/svg';

/** @returns {Spark} */
function spark() {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'spark wide');
  svg.setAttribute('viewBox', `0 0 ${SAMPLES - 1} 18`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(SVG, 'polyline');
  svg.append(line);
  return { svg, line, samples: [] };
}

/**
 * @param {Spark} curve
 * @param {number | null} value null: the service has no process; the curve starts again
 * @param {number} floor the smallest value that the top of the curve stands for
 */
function sample(curve, value, floor) {
  if (value === null) {
    curve.samples.length = 0;
    curve.line.setAttribute('points', '');
    return;
  }
  curve.samples.push(value);
  if (curve.samples.length > SAMPLES) curve.samples.shift();
  if (curve.samples.length > 1) draw(curve, floor);
}

/**
 * @param {Spark} curve
 * @param {number} floor
 */
function draw(curve, floor) {
  const most = Math.max(floor, ...curve.samples);
  const from = SAMPLES - curve.samples.length;
  const points = curve.samples.map((value, i) => `${from + i},${(17 - (value / most) * 16).toFixed(1)}`);
  curve.line.setAttribute('points', points.join(' '));
}
