#!/usr/bin/env python3
"""Fits the polynomials of include/cairn/math: minimax in the relative error of the function
they serve, by Remez exchange in 60 digits.  `fit.py` prints every table, `fit.py erfc` those
whose name contains the word; the coefficients, lowest power first, stand in the headers.
Needs mpmath; seconds for all."""
import sys
from mpmath import (atan, cos, erf, erfc, exp, expm1, log, log1p, lu_solve, matrix, mp, mpf, mpmathify, pi, polyval,
                    sin, sqrt)

mp.dps = 60


def remez(f, weight, lo, hi, degree, rounds=12):
    """Coefficients (lowest first) minimising max |weight (p - f)| on [lo, hi], and that error."""
    lo, hi, n = mpmathify(lo), mpmathify(hi), degree + 2
    nodes = [(lo + hi) / 2 - (hi - lo) / 2 * cos(pi * (i + mpf("0.5")) / n) for i in range(n)]
    grid = [(lo + hi) / 2 - (hi - lo) / 2 * cos(pi * i / (24 * n)) for i in range(24 * n + 1)]
    target = [(x, f(x), weight(x)) for x in grid if weight(x) != 0]
    for _ in range(rounds):
        rows = [[x**k for k in range(degree + 1)] + [(-1) ** i / weight(x)] for i, x in enumerate(nodes)]
        solution = lu_solve(matrix(rows), matrix([f(x) for x in nodes]))
        coefficients = [solution[k] for k in range(degree + 1)]
        error = [(x, w * (polyval(coefficients[::-1], x) - y)) for x, y, w in target]
        runs = []                                     # the extreme of each run of one sign
        for x, e in error:
            if runs and (runs[-1][1] > 0) == (e > 0):
                runs[-1] = max(runs[-1], (x, e), key=lambda p: abs(p[1]))
            else:
                runs.append((x, e))
        while len(runs) > n:
            runs.pop(0 if abs(runs[0][1]) < abs(runs[-1][1]) else -1)
        if len(runs) < n:
            raise ArithmeticError("the error does not alternate often enough")
        nodes = [x for x, _ in runs]
        worst = max(abs(e) for _, e in error)
        if worst < mpf("1.001") * min(abs(e) for _, e in runs):
            break
    return coefficients, worst


def quotient(f, taylor):
    """f, but its limit where the closed form cancels: near 0."""
    return lambda x: mpf(taylor) if abs(x) < mpf("1e-20") else f(x)


def scaled_tail(tail, shift, end):
    """(a + shift) tail(a) as a function of t = (a - shift) / (a + shift), a in [0, end]."""
    def f(t):
        a = shift * (1 + t) / (1 - t)
        return (a + shift) * tail(a)
    return f, (lambda t: 1 / f(t)), -1, (mpf(end) - shift) / (end + shift)


half_ln2 = log(2) / 2 * mpf("1.002")
quarter_pi2 = (pi / 4) ** 2 * mpf("1.001")
erfcx = lambda a: exp(a * a) * erfc(a)
mills = lambda a: exp(a * a / 2) * erfc(a / sqrt(mpf(2))) / 2
atanh_tail = quotient(lambda z: (log((1 + sqrt(z)) / (1 - sqrt(z))) / sqrt(z) - 2) / z, mpf(2) / 3)

two_to_the = (quotient(lambda r: (mpf(2)**r - 1) / r, log(2)), lambda r: abs(r) / mpf(2)**r + mpf("1e-9"),
              mpf("-0.501"), mpf("0.501"))
shift = mpf("2.25")
float_mills = lambda q: exp(mpf("0.721347510814666748046875") * log(2) * (1 / q - shift)**2) * \
    erfc((1 / q - shift) / sqrt(mpf(2))) / 2 / q
# More in the tail, where rounding a to a float makes more of Phi(-a).
float_tail = (float_mills, lambda q: 1 / float_mills(q) / (1 + (1 / q - shift)**2 / 4), 1 / mpf("16.55"), 1 / shift)

# name: (what the polynomial approximates, weight, from, to), degree for f32, degree for f64 (None: not used)
FITS = {
    "exp: exp(r) = 1 + r + r^2 P(r)":
        ((quotient(lambda r: (expm1(r) - r) / r**2, 0.5), lambda r: abs(r) + mpf("1e-3"), -half_ln2, half_ln2), 4, 9),
    "log (f32): log1p(f) = f - f^2/2 + f^3 P(f)":
        ((quotient(lambda f: (log1p(f) - f + f * f / 2) / f**3, mpf(1) / 3), lambda f: f * f,
          sqrt(mpf(0.5)) - 1, sqrt(mpf(2)) - 1), 7, None),
    "log (f64): log((1+s)/(1-s)) = 2 s + s z P(z), z = s^2, s <= 0.1716":
        ((atanh_tail, lambda z: z + mpf("1e-9"), 0, (3 - 2 * sqrt(mpf(2))) ** 2 * mpf("1.001")), None, 6),
    "pow (f64): log((1+s)/(1-s)) = 2 s + 2/3 s^3 + s^5 P(z)":
        ((quotient(lambda z: (atanh_tail(z) - mpf(2) / 3) / z, mpf(2) / 5), lambda z: z * z + mpf("1e-9"), 0,
          (3 - 2 * sqrt(mpf(2))) ** 2 * mpf("1.001")), None, 7),
    "log1p of [0, 1] (f32): log1p(u) = u + u^2 P(u)":
        ((quotient(lambda u: (log1p(u) - u) / u**2, -0.5), lambda u: u + mpf("1e-3"), 0, 1), 8, None),
    "log1p of [0, 1] (f64): as log, s <= 1/3":
        ((atanh_tail, lambda z: z + mpf("1e-9"), 0, mpf(1) / 9), None, 9),
    "erf: erf(x) = x P(x^2), |x| <= 1":
        ((quotient(lambda z: erf(sqrt(z)) / sqrt(z), 2 / sqrt(pi)),
          lambda z: 1, 0, 1), 6, 11),
    "sin: sin(r) = r + r z P(z), z = r^2, |r| <= pi/4":
        ((quotient(lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, -mpf(1) / 6), lambda z: z + mpf("1e-9"), 0,
          quarter_pi2), 2, 5),
    "cos: cos(r) = 1 - z/2 + z^2 P(z)":
        ((quotient(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, mpf(1) / 24), lambda z: z * z + mpf("1e-9"), 0,
          quarter_pi2), 2, 5),
    "atan: atan(t) = t + t z P(z), z = t^2, |t| <= tan(pi/8)":
        ((quotient(lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z, -mpf(1) / 3), lambda z: z + mpf("1e-9"), 0,
          (sqrt(mpf(2)) - 1) ** 2 * mpf("1.001")), 3, 10),
    "erfc (f32): erfc(a) = exp(-a^2) P(t) / (a + 3/2), t = (a - 3/2) / (a + 3/2), a <= 10":
        (scaled_tail(erfcx, mpf("1.5"), 10), 10, None),
    "erfc (f64): the same with shift 4, a <= 27.5":
        (scaled_tail(erfcx, 4, mpf("27.5")), None, 21),
    "2^r (f32): 2^r = 1 + r P(r), |r| <= 1/2": (two_to_the, 5, None),
    "2^r, fewer (f32)": (two_to_the, 4, None),
    # exp(-(1/2 - 6.675e-9) a^2): half log2(e) as a float.
    "normal_cdf (f32): Phi(-a) = exp(-..a^2) q P(q), q = 1 / (a + 9/4), a <= 14.3": (float_tail, 8, None),
    "normal_cdf (f64): as erfc with shift 5, a <= 38.8": (scaled_tail(mills, 5, mpf("38.8")), None, 21),
}

if __name__ == "__main__":
    for name, (problem, *degrees) in FITS.items():
        if len(sys.argv) > 1 and sys.argv[1] not in name:
            continue
        for digits, degree in zip((10, 18), degrees):
            if degree is None:
                continue
            coefficients, error = remez(*problem, degree)
            print(f"{name}\n  {'f32' if digits == 10 else 'f64'}, degree {degree}, error {mp.nstr(error, 3)}")
            print("  " + ", ".join(mp.nstr(c, digits, strip_zeros=False) for c in coefficients))
