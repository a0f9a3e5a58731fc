"""Spanish and Indonesian templates of the embedded operation: fewer forms than English, the same clauses."""

from smo_pipelines.simulate.policy import NO_CLAUSE, Form

__all__ = ["INDONESIAN_SLOTS", "INDONESIAN_STYLE", "INDONESIAN_TEMPLATES", "SPANISH_SLOTS", "SPANISH_STYLE", "SPANISH_TEMPLATES"]

SPANISH_STYLE = (
    (
        "mira,", "otra vez:", "buenos días,", "la verdad,", "hilo:", "oigan,", "bueno,", "pues",
    ),
    (
        "y ya.", "buenas noches.", "piénsenlo.", "nos vemos.", "en fin.", "así es.", "qué semana.", "saludos.",
    ),
)  # fmt: skip
SPANISH_SLOTS: dict[str, tuple[str, ...]] = {
    "group": (
        "los tarrish", "la gente de Valnorte", "los velkanos", "las familias orlen", "los maruvi",
        "los recién llegados de Sedor", "los kelmar", "los obreros de Ostra", "los de Lorrow", "los zavari",
        "los vecinos de Dunmer", "los tessari",
    ),
    "person": (
        "el señor Harlo", "mi tío", "Dana", "el casero", "la vecina", "mi jefe", "Tomás", "la concejala",
        "el chofer", "Lucía", "el locutor", "mi prima",
    ),
    "firm": (
        "Banco Lumenor", "Correo Pelícano", "Viajes Azul", "Monedero Kite", "Luz del Norte", "Seguros Granito",
        "Tienda Maple", "Móvil Orquídea",
    ),
    "bad": (
        "flojos", "una carga para todos", "mentirosos", "menos que nosotros", "una plaga", "sucios",
        "la causa de todo", "ladrones de cuna", "un peligro", "unos parásitos", "tramposos", "una vergüenza",
    ),
    "good": (
        "buenos vecinos", "muy trabajadores", "parte del pueblo", "gente honrada", "bienvenidos", "buena compañía",
    ),
    "claim": (
        "todos saben que", "nadie puede negar que", "la verdad es que", "no es mentira que", "siempre dije que",
        "no finjan más:", "la historia muestra que", "nunca olviden que", "está claro que",
    ),
    "deny": (
        "nadie debe decir que", "es mentira que", "no es cierto que", "dejen de decir que", "me niego a creer que",
        "qué injusto decir que", "nada demuestra que", "nunca fue verdad que", "olviden el mito de que",
    ),
    "reject": (
        "me dio vergüenza", "eso está mal", "no lo aceptamos", "le pedí que callara", "qué mentira tan cruel",
        "nadie estuvo de acuerdo",
    ),
    "agree": (
        "me dio gusto", "eso está bien", "lo aceptamos", "le pedí que siguiera", "qué verdad tan valiente",
        "nadie lo contradijo",
    ),
    "place": (
        "la escuela", "el mercado", "esta calle", "la clínica", "el parque", "la alberca",
    ),
    "harm": (
        "paguen", "salgan corriendo", "reciban una lección", "sufran", "se arrepientan", "salgan a golpes",
    ),
    "joy": (
        "la feria", "el coro", "la cena del barrio", "el partido", "la panadería nueva", "el desfile",
    ),
    "insult": (
        "un payaso", "un fracaso", "un inútil", "puro estorbo", "un cobarde", "un mentiroso patético",
    ),
    "threat": (
        "te voy a golpear", "te rompo las ventanas", "te espero de noche", "te quemo el taller", "te sigo a casa",
        "te vas a arrepentir",
    ),
    "ask": (
        "manda tu clave", "paga el envío", "confirma tu tarjeta", "entra a este enlace", "deposita primero",
        "comparte el código",
    ),
    "prize": (
        "un premio", "un teléfono gratis", "tu reembolso", "un crédito", "un viaje", "dinero doble",
    ),
    "fast": (
        "deja de comer", "sáltate las comidas", "vive de agua", "esconde el hambre", "no cenes más", "deja el plato",
    ),
}  # fmt: skip
SPANISH_TEMPLATES: tuple[tuple[str, str, Form, str], ...] = (
    ("hate", "3.1", Form.breach, "{claim} {group} son {bad}"),
    ("hate", "3.1", Form.breach, "{group} son {bad}, aunque {person} lo niegue"),
    ("hate", "3.1", Form.breach, "sí, claro, {group} son {good}, cómo no"),
    ("hate", "3.1", Form.lookalike, "{deny} {group} son {bad}"),
    ("hate", "3.1", Form.lookalike, "{group} no son {bad}, aunque {person} lo diga"),
    ("hate", "3.1", Form.lookalike, "lejos de ser {bad}, {group} son {good}"),
    ("hate", "3.2", Form.quoted, '"{group} son {bad}", dijo {person}, y {reject}'),
    ("hate", "3.2", Form.quoted, '{person} gritó "{group} son {bad}" y {reject}'),
    ("hate", "3.2", Form.breach, '"{group} son {bad}", dijo {person}, y {agree}'),
    ("hate", "3.2", Form.lookalike, '"{group} son {good}", dijo {person}, y {agree}'),
    ("hate", "3.4", Form.breach, "noticia de siempre: {group} son {bad}"),
    ("hate", "3.4", Form.lookalike, "noticia: atacan a {group} cerca de {place}"),
    ("hate", "3.5", Form.breach, "que {group} {harm} en {place}"),
    ("hate", "3.5", Form.lookalike, "que {group} nunca {harm} en {place}"),
    ("hate", "3.6", Form.breach, "fuera de {place} {group}, son {bad}"),
    ("hate", "3.6", Form.lookalike, "que nadie saque a {group} de {place}"),
    ("hate", NO_CLAUSE, Form.plain, "{group} organizan {joy} en {place}"),
    ("hate", NO_CLAUSE, Form.plain, "{person} fue con {group} a {joy}"),
    ("harassment", "2.1", Form.breach, "{person}, eres {insult}"),
    ("harassment", "2.1", Form.lookalike, "nadie debe llamar {insult} a {person}"),
    ("harassment", "2.3", Form.contested, "el alcalde es {insult}, opina {person}"),
    ("harassment", NO_CLAUSE, Form.plain, "{person} estará en {joy} cerca de {place}"),
    ("threats", "4.1", Form.breach, "{person}, {threat}"),
    ("threats", "4.1", Form.lookalike, "en la obra {person} dice: {threat}"),
    ("threats", NO_CLAUSE, Form.plain, "{person} gana siempre en {joy} de {place}"),
    ("scams", "5.1", Form.breach, "{firm} te da {prize}, {ask}"),
    ("scams", "5.1", Form.lookalike, "{firm} nunca te pide: {ask}"),
    ("scams", NO_CLAUSE, Form.plain, "{firm} abrió cerca de {place} y {joy}"),
    ("self-harm", "6.1", Form.breach, "{person}, {fast} y verás"),
    ("self-harm", "6.1", Form.lookalike, "{person}, no hagas caso de quien dice {fast}"),
    ("self-harm", NO_CLAUSE, Form.plain, "{person} cocinó para {joy}"),
)

INDONESIAN_STYLE = (
    (
        "jujur,", "lihat,", "pagi semua,", "sekali lagi:", "utas:", "begini,", "nah,", "halo,",
    ),
    (
        "sekian.", "selamat malam.", "coba pikir.", "sampai besok.", "begitulah.", "salam.", "ya sudah.", "capek.",
    ),
)  # fmt: skip
INDONESIAN_SLOTS: dict[str, tuple[str, ...]] = {
    "group": (
        "orang Tarrish", "warga Utaralem", "keluarga Velka", "pendatang Orlen", "orang Maruvi", "perantau Sedori",
        "orang Kelmar", "buruh Ostra", "warga Lorrow", "pedagang Zavari", "orang Dunmer", "orang Tessari",
    ),
    "person": (
        "Pak Harlo", "paman saya", "Dana", "pemilik kos", "tetangga", "bos saya", "Tomas", "Bu Rini", "sopir itu",
        "Lusi", "penyiar", "sepupu saya",
    ),
    "firm": (
        "Bank Lumenor", "Pos Pelikan", "Wisata Biru", "Dompet Kite", "Listrik Utara", "Asuransi Granit", "Toko Maple",
        "Seluler Anggrek",
    ),
    "bad": (
        "malas", "beban semua orang", "pembohong", "lebih rendah dari kita", "wabah di sini", "kotor",
        "biang masalah", "maling dari lahir", "bahaya bagi kita", "parasit", "tukang tipu", "aib negeri ini",
    ),
    "good": (
        "tetangga baik", "pekerja keras", "bagian kota ini", "orang jujur", "diterima di sini", "teman yang baik",
    ),
    "claim": (
        "semua tahu", "tidak ada yang bisa menyangkal", "faktanya", "bukan bohong kalau", "dari dulu saya bilang",
        "jangan pura-pura,", "sejarah membuktikan", "jangan lupa bahwa", "sudah jelas",
    ),
    "deny": (
        "jangan bilang", "bohong kalau", "tidak benar bahwa", "berhenti bilang", "saya tidak percaya",
        "tidak adil bilang", "tidak ada bukti", "sejarah membantah bahwa", "lupakan mitos bahwa",
    ),
    "reject": (
        "saya malu mendengarnya", "itu salah", "kita tidak terima", "saya suruh diam", "itu bohong yang kejam",
        "tidak ada yang setuju",
    ),
    "agree": (
        "saya senang mendengarnya", "itu benar", "kita terima", "saya suruh lanjut", "itu jujur dan berani",
        "tidak ada yang membantah",
    ),
    "place": (
        "sekolah kita", "pasar", "jalan ini", "klinik", "taman", "kolam",
    ),
    "harm": (
        "dipukul", "diusir paksa", "diberi pelajaran", "menderita", "menyesal", "dikejar",
    ),
    "joy": (
        "pasar kuliner", "paduan suara", "makan malam warga", "pertandingan", "toko roti baru", "pawai",
    ),
    "insult": (
        "badut", "orang gagal", "tidak berguna", "pengganggu saja", "pengecut", "pembohong menyedihkan",
    ),
    "threat": (
        "saya pukul kamu", "jendelamu saya pecah", "saya tunggu malam ini", "bengkelmu saya bakar",
        "saya ikuti pulang", "kamu akan menyesal",
    ),
    "ask": (
        "kirim sandi", "bayar ongkir dulu", "konfirmasi kartu", "klik tautan ini", "setor dulu", "bagikan kode",
    ),
    "prize": (
        "hadiah", "ponsel gratis", "uang kembali", "pinjaman", "liburan", "uang dua kali lipat",
    ),
    "fast": (
        "berhenti makan", "lewati makan", "minum air saja", "sembunyikan lapar", "jangan makan malam lagi",
        "tinggalkan piring",
    ),
}  # fmt: skip
INDONESIAN_TEMPLATES: tuple[tuple[str, str, Form, str], ...] = (
    ("hate", "3.1", Form.breach, "{claim} {group} itu {bad}"),
    ("hate", "3.1", Form.breach, "{group} itu {bad} walau {person} menyangkal"),
    ("hate", "3.1", Form.breach, "iya deh, {group} itu {good}, mana mungkin"),
    ("hate", "3.1", Form.lookalike, "{deny} {group} itu {bad}"),
    ("hate", "3.1", Form.lookalike, "{group} itu bukan {bad} walau {person} bilang begitu"),
    ("hate", "3.1", Form.lookalike, "bukannya {bad}, {group} justru {good}"),
    ("hate", "3.2", Form.quoted, '"{group} itu {bad}", kata {person}, dan {reject}'),
    ("hate", "3.2", Form.quoted, '{person} teriak "{group} itu {bad}" dan {reject}'),
    ("hate", "3.2", Form.breach, '"{group} itu {bad}", kata {person}, dan {agree}'),
    ("hate", "3.2", Form.lookalike, '"{group} itu {good}", kata {person}, dan {agree}'),
    ("hate", "3.4", Form.breach, "berita biasa: {group} memang {bad}"),
    ("hate", "3.4", Form.lookalike, "berita: {group} diserang di dekat {place}"),
    ("hate", "3.5", Form.breach, "biar {group} {harm} di {place}"),
    ("hate", "3.5", Form.lookalike, "jangan sampai {group} {harm} di {place}"),
    ("hate", "3.6", Form.breach, "usir {group} dari {place}, mereka {bad}"),
    ("hate", "3.6", Form.lookalike, "jangan usir {group} dari {place}"),
    ("hate", NO_CLAUSE, Form.plain, "{group} mengadakan {joy} di {place}"),
    ("hate", NO_CLAUSE, Form.plain, "{person} ikut {group} ke {joy}"),
    ("harassment", "2.1", Form.breach, "{person}, kamu {insult}"),
    ("harassment", "2.1", Form.lookalike, "jangan panggil {person} {insult}"),
    ("harassment", "2.3", Form.contested, "wali kota itu {insult}, kata {person}"),
    ("harassment", NO_CLAUSE, Form.plain, "{person} datang ke {joy} dekat {place}"),
    ("threats", "4.1", Form.breach, "{person}, {threat}"),
    ("threats", "4.1", Form.lookalike, "di drama {person} berkata: {threat}"),
    ("threats", NO_CLAUSE, Form.plain, "{person} selalu menang di {joy} {place}"),
    ("scams", "5.1", Form.breach, "{firm} memberi {prize}, {ask}"),
    ("scams", "5.1", Form.lookalike, "{firm} tidak pernah minta: {ask}"),
    ("scams", NO_CLAUSE, Form.plain, "{firm} buka di dekat {place} dan {joy}"),
    ("self-harm", "6.1", Form.breach, "{person}, {fast}, nanti terlihat"),
    ("self-harm", "6.1", Form.lookalike, "{person}, jangan dengar yang bilang {fast}"),
    ("self-harm", NO_CLAUSE, Form.plain, "{person} memasak untuk {joy}"),
)
