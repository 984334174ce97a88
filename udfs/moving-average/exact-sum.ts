/**
 * A sum of doubles that is exact, whatever their magnitudes.
 *
 * A running sum in a double drifts: adding 1e300 loses every 1 that is in the sum, and taking 1e300 out again does not
 * bring it back. Compensated sums push the trouble further out but keep it (1e300, 1 and −1e300 need 1,050 bits). Every
 * double is a whole multiple of 2^-1074, though, so their sum is an integer of some 2,100 bits, and integers can be
 * added and taken out without a trace. That is U. Kulisch's long accumulator; the digits are balanced and their carries
 * put off, as in R. Neal's small superaccumulator ("Fast exact summation using small and large superaccumulators",
 * 2015). Values of similar size touch few digits, so only the digits in use are kept: about five in practice.
 */
export interface ExactSum {
  /** Digits to base 2^32, least first; `digits[0]` weighs 2^(32 · bottom − 1088). Whole numbers, signed. */
  digits: Float64Array;
  bottom: number;
  /** Additions since the last carry. */
  uncarried: number;
  /** What has no place in a sum of digits is counted. */
  nans: number;
  infinities: number;
  minusInfinities: number;
}

const base = 2 ** 32;
const roundToBase = 1.5 * 2 ** 84;
/** Moves the least bit of a double, 2^-1074, to a bit of digit 0, which weighs 2^-1088. */
const exponentOffset = 13;
/** Each addition changes a digit by less than 2^32: so many keep it below 2^53, where doubles stop being exact. */
const carryAfter = 2 ** 20;
/** An addition touches three digits; the fourth takes their carries. */
const reach = 4;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
double[0] = 1;
const highWord = words[0] === 0 ? 1 : 0;
const lowWord = 1 - highWord;

/** Square roots of the digits' weights: a weight itself may not fit a double. */
const halfWeights = new Float64Array(68);
{
  let weight = 1;
  for (let index = 34; index < halfWeights.length; index++, weight *= 65_536) halfWeights[index] = weight;
  weight = 1;
  for (let index = 34; index >= 0; index--, weight /= 65_536) halfWeights[index] = weight;
}

export function createSum(): ExactSum {
  return { digits: new Float64Array(0), bottom: 0, uncarried: 0, nans: 0, infinities: 0, minusInfinities: 0 };
}

/** Adds a value (`sign` 1), or takes out one that was added before (`sign` −1). */
export function addToSum(sum: ExactSum, value: number, sign: 1 | -1): void {
  double[0] = value;
  const top = words[highWord]!;
  const low = words[lowWord]!;
  const exponent = (top >>> 20) & 0x7ff;
  if (exponent === 0x7ff) {
    if (value === Infinity) sum.infinities += sign;
    else if (value === -Infinity) sum.minusInfinities += sign;
    else sum.nans += sign;
    return;
  }
  if (value === 0) return;
  const signed = top >>> 31 === 0 ? sign : -sign;
  // The leading bit is not stored, except that it is 0 in subnormals, which share the exponent 1.
  const high = exponent === 0 ? top & 0xfffff : (top & 0xfffff) | 0x100000;
  const shift = (exponent === 0 ? 1 : exponent) + exponentOffset;
  const index = shift >>> 5;
  const bits = shift & 31;
  if (index < sum.bottom || index + reach > sum.bottom + sum.digits.length) makeRoom(sum, index);

  const { digits } = sum;
  const at = index - sum.bottom;
  digits[at]! += signed * ((low << bits) >>> 0);
  if (bits === 0) {
    digits[at + 1]! += signed * high;
  } else {
    digits[at + 1]! += signed * (((low >>> (32 - bits)) | (high << bits)) >>> 0);
    digits[at + 2]! += signed * (high >>> (32 - bits));
  }
  if (++sum.uncarried === carryAfter) carry(sum);
}

/**
 * The sum divided by `count`, correct to the last place or one beside it. NaN if a NaN or both infinities are in the
 * sum. Does not overflow, since the mean of doubles is within the range of doubles even where their sum is not.
 */
export function meanOfSum(sum: ExactSum, count: number): number {
  if (sum.nans > 0 || (sum.infinities > 0 && sum.minusInfinities > 0)) return NaN;
  if (sum.infinities > 0) return Infinity;
  if (sum.minusInfinities > 0) return -Infinity;
  carry(sum);
  const { digits } = sum;
  let top = digits.length - 1;
  while (top >= 0 && digits[top] === 0) top--;
  if (top < 0) return 0;

  // After the carry, what follows the first digit is at most about half of its unit: no cancellation here, and what
  // follows the third about 2^-64 of the sum, a thousandth of a double's last place.
  const first = digits[top]!;
  const second = top > 0 ? digits[top - 1]! / base : 0;
  const third = top > 1 ? digits[top - 2]! / base / base : 0;
  const leading = first + second;
  const rest = second - (leading - first) + third;
  const high = leading + rest;
  const low = rest - (high - leading);
  const weight = halfWeights[sum.bottom + top]!;
  return divide(high, low, count) * weight * weight;
}

/** `(high + low) / count`: the quotient of the doubles, corrected by its exact remainder. */
function divide(high: number, low: number, count: number): number {
  const quotient = high / count;
  const product = quotient * count;
  // T. J. Dekker's exact product: both factors are split into halves of 26 bits, whose products are exact.
  const quotientTop = topHalf(quotient);
  const quotientRest = quotient - quotientTop;
  const countTop = topHalf(count);
  const countRest = count - countTop;
  const error =
    quotientTop * countTop -
    product +
    quotientTop * countRest +
    quotientRest * countTop +
    quotientRest * countRest;
  return quotient + (high - product - error + low) / count;
}

function topHalf(value: number): number {
  const scaled = value * 134_217_729; // 2^27 + 1
  return scaled - (scaled - value);
}

/** Brings every digit but the topmost to [−2^31, 2^31]. */
function carry(sum: ExactSum): void {
  const { digits } = sum;
  const last = digits.length - 1;
  for (let at = 0; at < last; at++) {
    const digit = digits[at]!;
    // Doubles of this size are 2^32 apart: adding and taking it away rounds to whole carries.
    const carried = digit + roundToBase - roundToBase;
    if (carried !== 0) {
      digits[at] = digit - carried;
      digits[at + 1]! += carried / base;
    }
  }
  sum.uncarried = 0;
}

/** Widens the digits kept so that an addition at `index` fits. At most 68 are ever needed. */
function makeRoom(sum: ExactSum, index: number): void {
  const { digits } = sum;
  const empty = digits.length === 0;
  const bottom = empty ? index : Math.min(index, sum.bottom);
  const end = empty ? index + reach : Math.max(index + reach, sum.bottom + digits.length);
  const wider = new Float64Array(end - bottom);
  if (!empty) wider.set(digits, sum.bottom - bottom);
  sum.digits = wider;
  sum.bottom = bottom;
}
