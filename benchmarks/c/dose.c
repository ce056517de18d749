/* The dose kernel's steps in C: the same samples, the same checks, the same order of additions, so that results are equal to the last bit.
   It is what controller/kernel.py is measured against, and nothing of the product. */

#include <math.h>
#include <stdint.h>

#define MASK32 0xFFFFFFFFLL
#define HALF32 0x80000000LL

void kerma_bench_counters(const int64_t *rows, int64_t n, const double *limits, const int64_t *masks, int64_t *state)
{
    int64_t started = state[0], last_host = state[1], last_us = state[2], clock = state[3], counting = state[4];
    int64_t last_1 = state[5], clock_1 = state[6], sum_1 = state[7], pending_1 = state[8];
    int64_t last_2 = state[9], clock_2 = state[10], sum_2 = state[11], pending_2 = state[12];
    int64_t bad = state[13];
    const int64_t mask_1 = masks[0], mask_2 = masks[1];
    const double most_1 = limits[0], most_2 = limits[1], slack = limits[2];
    for (int64_t i = 0; i < n; i++) {
        const int64_t *row = rows + 5 * i;
        int64_t host = row[0], us = row[1], c1 = row[2], c2 = row[3], flags = row[4];
        if (!started) {
            started = 1;
            last_host = host, last_us = us, last_1 = c1, last_2 = c2;
            continue;
        }
        int64_t step = (us - last_us) & MASK32;
        if (flags & 8)
            step = host - last_host;
        if (step <= 0 || step >= HALF32 || host <= last_host) {
            bad++;
            continue;
        }
        last_host = host, last_us = us;
        clock += step;
        if (flags & 1)
            counting += step;
        int64_t d1 = (c1 - last_1) & mask_1, d2 = (c2 - last_2) & mask_2;
        int good_1 = !(flags & 2) && d1 <= most_1 * (clock - clock_1) + slack;
        int good_2 = !(flags & 4) && d2 <= most_2 * (clock - clock_2) + slack;
        if (good_1) {
            sum_1 += d1;
            last_1 = c1, clock_1 = clock, pending_1 = 0;
        } else
            pending_1 = d1 <= mask_1 >> 1 ? d1 : 0;
        if (good_2) {
            sum_2 += d2;
            last_2 = c2, clock_2 = clock, pending_2 = 0;
        } else
            pending_2 = d2 <= mask_2 >> 1 ? d2 : 0;
        if (!(good_1 && good_2))
            bad++;
    }
    state[0] = started, state[1] = last_host, state[2] = last_us, state[3] = clock, state[4] = counting;
    state[5] = last_1, state[6] = clock_1, state[7] = sum_1, state[8] = pending_1;
    state[9] = last_2, state[10] = clock_2, state[11] = sum_2, state[12] = pending_2;
    state[13] = bad;
}

void kerma_bench_model(const double *rows, int64_t n, const double *table, int64_t points, double scale, double *state)
{
    double started = state[0], last_t = state[1], last_rate = state[2], total = state[3], compensation = state[4], bad = state[5];
    for (int64_t i = 0; i < n; i++) {
        const double *row = rows + 4 * i;
        double t = row[0], kv = row[1], ma = row[2], live = row[3], g;
        if (!(isfinite(t) && isfinite(kv) && isfinite(ma)) || (started > 0.0 && t <= last_t)) {
            bad += 1.0;
            continue;
        }
        if (kv <= 0.0)
            g = 0.0;
        else if (kv <= table[0])
            g = table[1] * (kv / table[0]);
        else {
            int64_t k = 1;
            while (k < points - 1 && kv > table[2 * k])
                k++;
            double part = (kv - table[2 * k - 2]) / (table[2 * k] - table[2 * k - 2]);
            g = table[2 * k - 1] + part * (table[2 * k + 1] - table[2 * k - 1]);
        }
        double rate = scale * ma * g;
        if (started > 0.0 && live > 0.0) {
            double x = 0.5 * (rate + last_rate) * (t - last_t);
            double s = total + x;
            if (fabs(total) >= fabs(x))
                compensation += (total - s) + x;
            else
                compensation += (x - s) + total;
            total = s;
        }
        started = 1.0, last_t = t, last_rate = rate;
    }
    state[0] = started, state[1] = last_t, state[2] = last_rate, state[3] = total, state[4] = compensation, state[5] = bad;
}
