# SPDX-License-Identifier: BSD-2-Clause
# What logged commands (count_proxy) would cost on a chip: awk -v first=N -v last=N -v per=N -f model.awk CHIP.csv LOG
#
# Prints milliseconds per operation on the bare chip, then behind Linux /dev/tpmrm0, which around every command
# loads each object and session of the open file, and saves and flushes them again (drivers/char/tpm/tpm2-space.c).
BEGIN { FS = "[, ]" }
FNR == 1 { file++ }
file == 1 { if ($0 !~ /^#/) ms[$1] = $2; next }
FNR > first && FNR <= last {
        split($1, n, ":")
        cost = ($1 in ms) ? ms[$1] : (n[1] in ms) ? ms[n[1]] : ms["default"]
        raw += cost
        rm += cost + ($3 + $4) * at("ContextLoad") + $5 * (at("ContextSave") + at("FlushContext")) + $6 * at("ContextSave")
        rm_commands += 1 + $3 + $4 + 2 * $5 + $6
}
function at(name) { return (name in ms) ? ms[name] : ms["default"] }
END { printf "%.1f %.1f %.0f\n", raw / per, rm / per, rm_commands / per }
