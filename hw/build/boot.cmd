# U-Boot script: takes the first slot of BOOT_ORDER that has tries left, counts one off, and boots it.
# The counters are one sector of the env partition, with a checksum: a write that power interrupts leaves the old sector, the
# new one, or a damaged one, and then the defaults hold. Nothing of a file system is written here.
setenv tmp ${kernel_addr_r}
${devtype} dev ${devnum}
if ${devtype} read ${tmp} @ENV_SECTOR@ 1; then env import -c ${tmp} 0x200 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT; fi
test -n "${BOOT_ORDER}" || setenv BOOT_ORDER "A B"
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT 3
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT 3
setenv slot
for s in ${BOOT_ORDER}; do
  if test -n "${slot}"; then true;
  elif test "${s}" = "A"; then
    if test ${BOOT_A_LEFT} -gt 0; then setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1; setenv slot A; setenv kpart 3; fi
  elif test "${s}" = "B"; then
    if test ${BOOT_B_LEFT} -gt 0; then setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1; setenv slot B; setenv kpart 5; fi
  fi
done
if test -z "${slot}"; then echo "no slot has tries left: all counters begin anew"; setenv BOOT_A_LEFT 3; setenv BOOT_B_LEFT 3; fi
env export -c -s 0x200 ${tmp} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT
${devtype} write ${tmp} @ENV_SECTOR@ 1
if test -z "${slot}"; then reset; fi
echo "slot ${slot}, tries left A ${BOOT_A_LEFT} B ${BOOT_B_LEFT}"
setenv slot_verity
setenv slot_hash
if load ${devtype} ${devnum}:${kpart} ${tmp} slot.env; then env import -t ${tmp} ${filesize} slot_verity slot_sectors slot_blocks slot_hash slot_salt; fi
setenv common console=@CONSOLE@ quiet loglevel=4 panic=5 pbx.slot=${slot} rauc.slot=${slot} @ARGUMENTS@
# A kernel without initramfs opens the verified root file system itself; what fails there is a panic, and the board restarts. This
# shell keeps a quotation mark only where it stands by itself, outside of any `if`.
setenv part PARTLABEL=root${slot}
setenv table 0 ${slot_sectors} verity 1 ${part} ${part} 4096 4096 ${slot_blocks} ${slot_blocks} sha256 ${slot_hash} ${slot_salt} 1 restart_on_corruption
setenv bootargs ${common} dm-mod.waitfor=${part} dm-mod.create='"'root,,,ro,${table}'"' root=/dev/dm-0 rootfstype=squashfs ro
if test -z "${slot_hash}"; then setenv bootargs ${common} pbx.verity=${slot_verity}; fi
setenv dtb ${fdt_addr}
if test -n "@DTB@"; then setenv dtb ${fdt_addr_r}; load ${devtype} ${devnum}:${kpart} ${dtb} board.dtb; fi
load ${devtype} ${devnum}:${kpart} ${ramdisk_addr_r} Image.gz
unzip ${ramdisk_addr_r} ${kernel_addr_r}
if test -n "${slot_hash}"; then
  booti ${kernel_addr_r} - ${dtb}
else
  load ${devtype} ${devnum}:${kpart} ${ramdisk_addr_r} initrd.zst
  booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${dtb}
fi
reset
