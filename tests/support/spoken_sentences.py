"""A hundred sentences that were written to be spoken and heard again: plain ones, and ones with what rules read."""

SENTENCES = tuple(
    line.strip()
    for line in """
The ferry leaves at a quarter past nine, so bring a warm jacket and something to read.
Nobody in the village could remember a winter when the lake had stayed open this long.
My grandmother kept her best buttons in a tin that once held chocolate biscuits.
If the bread sounds hollow when you knock on it, take it out of the oven.
We drove through the night and reached the coast just as the sun came up.
She asked whether the tickets could be changed, but the clerk only shook his head.
A good map tells you less about the land than a single walk across it.
The committee will meet again on Thursday to discuss the broken heating system.
Please close the window before you leave the house.
The meeting starts at half past two on Wednesday, and everyone is invited.
My sister bought a red bicycle because the bus is always late.
The old clock in the hall has not worked since my father tried to repair it.
There is a small bakery around the corner that opens before six in the morning.
He put the letter on the table and went out without saying a word.
The river was so high that the farmers had to move their cattle to the hills.
You can see the whole city from the roof of the library on a clear day.
I would rather wait another hour than drive through this rain.
The teacher wrote the answer on the board and turned around to face the class.
Most of the visitors come in summer, but the garden is at its best in autumn.
They found the missing key under a pile of newspapers in the kitchen.
Our neighbors have planted apple trees along the fence behind the garage.
The price of coffee has gone up again because of the dry weather in Brazil.
She learned to play the piano when she was already over sixty years old.
The police asked everybody to stay at home until the storm had passed.
A black cat was sleeping on the warm hood of the car.
When the lights went out, we sat in the dark and told each other stories.
The doctor told him to drink more water and to walk for an hour every day.
It took the engineers three weeks to find the cause of the problem.
The children built a castle out of sand and watched the waves take it away.
He has been working for the same company since he left school.
The museum is closed on Mondays, but the shop next to it is always open.
Could you tell me which platform the train to London leaves from?
I forgot my umbrella at the office, and now it is raining hard.
The soup tastes much better if you let it stand until the next day.
She opened the door very slowly, as if she was afraid of what was behind it.
The company will hire forty new people before the end of the year.
After the concert we walked home along the river and talked about music.
The forest is full of mushrooms at this time of the year.
He painted the kitchen yellow because it reminded him of his childhood.
The bridge was built by hand more than two hundred years ago.
Nobody knows exactly how many people were in the stadium that evening.
She never drinks coffee in the afternoon because it keeps her awake.
The dog ran across the field and jumped into the water.
We need four chairs, a long table and enough plates for everybody.
The shop sells everything from fresh fruit to garden tools.
I have read this book three times, and I still find something new in it.
The airplane was delayed because of thick fog over the airport.
His brother lives in a small town near the border with Canada.
The new hospital will have two hundred beds and a garden on the roof.
They decided to sell the house and travel around the world.
The water in the bay is warm enough to swim until the end of October.
My computer stopped working in the middle of an important meeting.
The baker gave the boy a second roll because he had been so polite.
Every morning she feeds the birds that gather in front of her window.
The president thanked the volunteers for their work during the flood.
The road to the village is narrow and full of sharp bends.
He could not remember where he had parked his car.
The test results will be sent to you by mail within ten days.
It is often cheaper to repair an old machine than to buy a new one.
The wind blew the laundry off the line and into the neighbor's garden.
The orchestra played so softly that you could hear people breathe.
The farmer sells his own cheese at the market every Saturday.
You should never look directly into the sun without protection.
The two friends had not seen each other for more than twenty years.
The library has a large collection of maps and old photographs.
She wrote a long letter to the editor about the noise at night.
The train was so full that we had to stand all the way to the city.
The scientists were surprised by what they found at the bottom of the lake.
Please turn off your phone before the performance begins.
The coat was too big for her, but it kept her warm.
He always carries a small notebook and a pencil in his pocket.
The snow melted quickly when the warm wind came over the mountains.
The hotel is only a short walk from the beach and the old harbor.
I am looking for a birthday present for my nephew.
The judge asked the witness to speak a little louder.
The garden needs water every evening during the hot months.
They have been married for fifty years and still hold hands.
The mechanic said that the brakes had to be replaced at once.
The smell of fresh coffee filled the whole apartment.
The students are waiting in front of the closed door.
In 1984 the town had 12 shops and one school.
The package weighs 5 kg and costs $20.
The train leaves at 9:30 and arrives at 11:45.
About 25% of the guests ordered fish.
Dr. Smith lives at the end of the street.
The tower is 300 feet high and has 400 steps.
In the 1990s everybody listened to this song.
The repair took 2-3 hours and was quite expensive.
World War II ended in the summer of 1945.
She was born on May 5th in a small town by the sea.
The company made $1.5M last year, which surprised everybody.
Add 1½ cups of flour and stir well.
The room is 4 m long and 3 m wide.
It was 20°C in the shade this morning.
Chapter IV is about bread & butter.
The 21st guest received a bottle of wine.
We sold 1,500 tickets in two days.
You can reach us 24/7 at this number.
The score was 3-2 after extra time.
Please answer before 6 p.m. on Friday.
""".splitlines()
    if line.strip()
)


OTHER_LANGUAGES = {
    language: tuple(line.strip() for line in text.strip().splitlines())
    for language, text in {
        "es": """
Mañana por la mañana iremos a la playa si no llueve.
Mi hermana compró una bicicleta roja porque el autobús siempre llega tarde.
Cierra la ventana antes de salir de casa, por favor.
El niño dejó los libros encima de la mesa y salió a jugar.
La reunión empieza a las nueve y todos están invitados.
Hay una panadería pequeña cerca de la estación.
El médico le dijo que bebiera más agua y caminara todos los días.
Después del concierto volvimos a casa por la orilla del río.
El puente fue construido hace más de doscientos años.
¿Puede decirme de qué andén sale el tren para Madrid?
La sopa está mucho mejor si se deja reposar hasta el día siguiente.
Nadie sabe cuántas personas había en el estadio aquella noche.
Compramos pan, queso y tres kilos de tomates.
El museo está cerrado los lunes, pero la tienda está siempre abierta.
Mi abuelo trabajó toda su vida en el mismo pueblo.
Hemos decidido vender la casa y viajar por el mundo.
El precio del café ha subido otra vez por la sequía.
Cuando se fue la luz, nos contamos historias en la oscuridad.
El perro cruzó el campo corriendo y saltó al agua.
Me olvidé el paraguas en la oficina y ahora está lloviendo.
""",
        "fr": """
Demain matin nous irons à la plage s'il ne pleut pas.
Ma sœur a acheté un vélo rouge parce que le bus est toujours en retard.
Ferme la fenêtre avant de quitter la maison, s'il te plaît.
Il a posé la lettre sur la table et il est sorti sans dire un mot.
La réunion commence à neuf heures et tout le monde est invité.
Il y a une petite boulangerie près de la gare.
Le médecin lui a dit de boire plus d'eau et de marcher tous les jours.
Après le concert, nous sommes rentrés à pied le long de la rivière.
Le pont a été construit il y a plus de deux cents ans.
Pouvez-vous me dire de quel quai part le train pour Paris ?
La soupe est bien meilleure le lendemain.
Personne ne sait combien de gens étaient au stade ce soir-là.
Nous avons acheté du pain, du fromage et trois kilos de tomates.
Le musée est fermé le lundi, mais la boutique est toujours ouverte.
Mon grand-père a travaillé toute sa vie dans le même village.
Ils ont décidé de vendre la maison et de voyager.
Le prix du café a encore augmenté à cause de la sécheresse.
Les enfants ont construit un château de sable devant la mer.
Le chien a traversé le champ en courant et a sauté dans l'eau.
J'ai oublié mon parapluie au bureau et maintenant il pleut.
""",
        "it": """
Domani mattina andremo al mare se non piove.
Mia sorella ha comprato una bicicletta rossa perché l'autobus è sempre in ritardo.
Chiudi la finestra prima di uscire di casa, per favore.
Ha messo la lettera sul tavolo ed è uscito senza dire una parola.
La riunione comincia alle nove e tutti sono invitati.
C'è un piccolo panificio vicino alla stazione.
Il medico gli ha detto di bere più acqua e di camminare ogni giorno.
Dopo il concerto siamo tornati a casa lungo il fiume.
Il ponte fu costruito più di duecento anni fa.
Può dirmi da quale binario parte il treno per Roma?
La minestra è molto più buona il giorno dopo.
Nessuno sa quante persone ci fossero allo stadio quella sera.
Abbiamo comprato pane, formaggio e tre chili di pomodori.
Il museo è chiuso il lunedì, ma il negozio è sempre aperto.
Mio nonno ha lavorato tutta la vita nello stesso paese.
Hanno deciso di vendere la casa e di viaggiare per il mondo.
Il prezzo del caffè è aumentato di nuovo a causa della siccità.
I bambini hanno costruito un castello di sabbia davanti al mare.
Il cane ha attraversato il campo di corsa ed è saltato in acqua.
Ho dimenticato l'ombrello in ufficio e adesso piove.
""",
        "pt": """
Amanhã de manhã vamos à praia se não chover.
Minha irmã comprou uma bicicleta vermelha porque o ônibus sempre chega tarde.
Feche a janela antes de sair de casa, por favor.
Ele deixou a carta em cima da mesa e saiu sem dizer uma palavra.
A reunião começa às nove horas e todos estão convidados.
Há uma pequena padaria perto da estação.
O médico disse para ele beber mais água e caminhar todos os dias.
Depois do concerto voltamos para casa pela beira do rio.
A ponte foi construída há mais de duzentos anos.
Pode me dizer de qual plataforma sai o trem para São Paulo?
A sopa fica muito melhor no dia seguinte.
Ninguém sabe quantas pessoas estavam no estádio naquela noite.
Compramos pão, queijo e três quilos de tomates.
O museu fecha às segundas, mas a loja está sempre aberta.
Meu avô trabalhou a vida inteira na mesma cidade.
Eles decidiram vender a casa e viajar pelo mundo.
O preço do café subiu outra vez por causa da seca.
As crianças fizeram um castelo de areia na frente do mar.
O cachorro atravessou o campo correndo e pulou na água.
Esqueci o guarda-chuva no escritório e agora está chovendo.
""",
    }.items()
}
"""Plain ones, by ISO 639-1 code, in other languages that Kokoro speaks and that Whisper base understands."""
