"use strict";
// What a shape holds, from the formulas of the catalogue (attncap): plain functions of sizes and of a table, if any.
const MOST_HEADS = 2 ** 40;

// The quantities that bounds read. Of a table they are counted; random answers are as many as expected.
function completed({ associations, ...given }, table = null) {
  const { data_rank, queries, answers } = table ?? attncap.complete({ ...given, associations });
  return attncap.complete({ ...given, data_rank, queries, answers });
}

// Bits of one association: of a table those that its answers hold, of random answers log2 N.
const bitsEach = (sizes, table = null) => (table ? table.bits / table.associations : Math.log2(sizes.vocabulary));

// What a bound gives at a shape, in associations of so many bits each; or why it gives nothing.
function promised(bound, shape, each) {
  const value = attncap.promise(bound, shape);
  if (value === null) return { associations: null, bits: null, why: attncap.failing(bound, shape) };
  if (bound.unit === "bits") return { associations: each > 0 ? value / each : null, bits: value, why: null };
  return { associations: value, bits: value * each, why: null };
}

// The fewest heads whose value reaches the task; null where no number of heads does, or its assumptions fail there.
function headsFor(bound, sizes, table = null) {
  const at = (heads) => completed({ ...sizes, heads }, table);
  const target = bound.unit === "bits" ? sizes.associations * bitsEach(sizes, table) : sizes.associations;
  const least = (holds) => {
    let high = 1;
    while (!holds(at(high))) if ((high *= 2) > MOST_HEADS) return null;
    let low = Math.floor(high / 2);
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (holds(at(middle))) high = middle;
      else low = middle;
    }
    return high;
  };
  const start = least((shape) => attncap.failing(bound, shape) === null);
  const enough = start && least((shape) => bound.formula.of(shape) >= target);
  if (!enough) return null;
  const heads = Math.max(start, enough);
  return attncap.failing(bound, at(heads)) === null ? heads : null;
}
