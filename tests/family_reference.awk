# The family's formulas, straight from their definitions, for test_family.sh. Reads lines "NAME VALUE" (x, dy, residual, gamma,
# beta, running_mean, running_var, lengths, each in its order) and prints the results in the same form.
# Variables: op pass dims layout groups axis length_axis activation alpha epsilon factor per_activation
# The derivative of an activation is a central difference, so that no formula for it has to be right twice.

{ number = count[$1]++; data[$1, number] = $2 }

function input(name, i, absent) { return count[name] > 0 ? data[name, i] : absent }

# A series without a difference of large terms: erf(v) = 2/sqrt(pi) exp(-v^2) sum of 2^n v^(2n+1) / (1 3 5 ... (2n+1)).
function erf(v, term, sum, n) {
  if (v > 6 || v < -6) return v > 0 ? 1 : -1
  term = sum = v
  for (n = 1; n < 250; n++) { term *= 2 * v * v / (2 * n + 1); sum += term }
  return sum * exp(-v * v) * 2 / sqrt(pi)
}

function tanh(v) { return v > 20 ? 1 : v < -20 ? -1 : (exp(2 * v) - 1) / (exp(2 * v) + 1) }

function act(z) {
  if (activation == "relu") return z > 0 ? z : 0
  if (activation == "leaky-relu") return z > 0 ? z : alpha * z
  if (activation == "clipped-relu") return z < 0 ? 0 : z > alpha ? alpha : z
  if (activation == "elu") return z > 0 ? z : alpha * (exp(z) - 1)
  if (activation == "sigmoid") return 1 / (1 + exp(-z))
  if (activation == "tanh") return tanh(z)
  if (activation == "silu") return z / (1 + exp(-z))
  if (activation == "gelu") return z * (1 + erf(z / sqrt(2))) / 2
  if (activation == "gelu-tanh") return z * (1 + tanh(sqrt(2 / pi) * (z + 0.044715 * z * z * z))) / 2
  return z
}

function slope(z) { return (act(z + 1e-5) - act(z - 1e-5)) / 2e-5 }

# Places with equal coordinates along some axes share a statistic or a parameter. The first of each comes in row-major order
# of these axes, so numbers are given in the order of appearance.
function number_of(key, numbers, kind) {
  if (!((kind, key) in numbers)) numbers[kind, key] = found[kind]++
  return numbers[kind, key]
}

function locate(e, a, rest, channel, s, p) {
  rest = e
  for (a = rank; a >= 1; a--) { at[a] = rest % D[a]; rest = int(rest / D[a]) }
  channel = at[channel_axis]
  s = p = ""
  for (a = 1; a <= rank; a++) {
    if (op == "layer" || op == "rms") {
      if (a <= axis) s = s " " at[a]; else p = p " " at[a]
    } else if (per_activation) {
      if (a > 1) s = p = s " " at[a]
    }
  }
  if (op == "batch" && !per_activation) { s = channel; p = channel }
  if (op == "instance") { s = at[1] " " channel; p = channel }
  if (op == "group") { s = at[1] " " int(channel / (D[channel_axis] / groups)); p = channel }
  statistic[e] = number_of(s, numbers, "statistic")
  parameter[e] = number_of(p, numbers, "parameter")
  running[statistic[e]] = parameter[e]
  valid[e] = length_axis > 0 ? at[length_axis + 1] < data["lengths", at[1]] : 1
}

function print_all(name, values, n, i) { for (i = 0; i < n; i++) printf "%s %.17g\n", name, values[i] }

END {
  pi = atan2(0, -1)
  rank = split(dims, D, " ")
  channel_axis = layout == "channels-last" ? rank : 2
  elements = 1
  for (a = 1; a <= rank; a++) elements *= D[a]
  for (e = 0; e < elements; e++) locate(e)
  statistics = found["statistic"]
  parameters = found["parameter"]
  constants = (op == "batch" || op == "instance") && (pass == "infer" || pass == "backward-frozen")

  for (e = 0; e < elements; e++) if (valid[e]) { n[statistic[e]]++; sum[statistic[e]] += data["x", e] }
  for (s = 0; s < statistics; s++) mean[s] = op == "rms" || n[s] == 0 ? 0 : sum[s] / n[s]
  for (e = 0; e < elements; e++) if (valid[e]) square[statistic[e]] += (data["x", e] - mean[statistic[e]]) ^ 2
  for (s = 0; s < statistics; s++) {
    var[s] = n[s] == 0 ? 0 : square[s] / n[s]
    if (constants) { mean[s] = input("running_mean", running[s], 0); var[s] = input("running_var", running[s], 1) }
    r[s] = 1 / sqrt(var[s] + epsilon)
  }

  for (e = 0; e < elements; e++) {
    s = statistic[e]
    xh[e] = (data["x", e] - mean[s]) * r[s]
    z = input("gamma", parameter[e], 1) * xh[e] + input("beta", parameter[e], 0) + input("residual", e, 0)
    y[e] = valid[e] ? act(z) : 0
    g[e] = valid[e] ? input("dy", e, 0) * slope(z) : 0
    h[e] = g[e] * input("gamma", parameter[e], 1)
    dgamma[parameter[e]] += g[e] * xh[e]
    dbeta[parameter[e]] += g[e]
    sum_h[s] += h[e]
    sum_h_xh[s] += h[e] * xh[e]
  }
  for (e = 0; e < elements; e++) {
    s = statistic[e]
    m = n[s] > 0 ? n[s] : 1
    dx[e] = constants ? r[s] * h[e] : r[s] * (h[e] - (op == "rms" ? 0 : sum_h[s] / m) - xh[e] * sum_h_xh[s] / m)
    dx[e] = valid[e] ? dx[e] : 0
  }

  for (s = 0; s < statistics; s++) if (n[s] > 0) {
    p = running[s]
    samples[p]++
    batch_mean[p] += mean[s]
    batch_var[p] += n[s] > 1 ? var[s] * n[s] / (n[s] - 1) : 0
  }
  for (p = 0; p < parameters; p++) {
    old_mean[p] = input("running_mean", p, 0)
    old_var[p] = input("running_var", p, 1)
    if (samples[p] > 0) {
      old_mean[p] += factor * (batch_mean[p] / samples[p] - old_mean[p])
      old_var[p] += factor * (batch_var[p] / samples[p] - old_var[p])
    }
  }

  if (pass == "train" || pass == "infer") print_all("y", y, elements)
  if (pass == "train") {
    if (op != "rms") print_all("mean", mean, statistics)
    print_all("inv_std", r, statistics)
    if (op == "batch" || op == "instance") {
      print_all("running_mean", old_mean, parameters)
      print_all("running_var", old_var, parameters)
    }
  }
  if (pass == "backward" || pass == "backward-frozen") {
    print_all("dx", dx, elements)
    print_all("dgamma", dgamma, parameters)
    print_all("dbeta", dbeta, parameters)
    if (count["residual"] > 0) print_all("dresidual", g, elements)
  }
}
